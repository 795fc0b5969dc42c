"""Notes its own pid and becomes the process that a spec file describes: `launch.py SPEC`.

Every process of a stack is started through this file, so that each is known by pid *and* start time however often the
supervisor restarts it: what is left behind when a supervisor is killed can be found again, and a reused pid is never
taken for ours. The spec is JSON rather than the supervisor's own configuration, whose quoting rules passwords and URLs
need not survive. Run as a script by a bare interpreter (standard library only), because it delays every start.
"""

import json
import os
import sys
from pathlib import Path


def boot_id() -> str:
    """Start times count from boot, so they mean something only together with it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def stat_fields(pid: int) -> list[str]:
    """Fields 3 and later of /proc/PID/stat (see proc(5)); the command before them may hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def start_time(pid: int) -> int:
    """Clock ticks after boot at which the process started."""
    return int(stat_fields(pid)[19])


def note_identity(file: Path) -> None:
    """Write who this process is; replaced in one step, as `make down` may be reading."""
    me = {"pid": os.getpid(), "start": start_time(os.getpid()), "boot": boot_id(), "session": os.getsid(0)}
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(me), encoding="utf-8")
    draft.replace(file)


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    note_identity(Path(spec["identity_file"]))
    os.chdir(spec["folder"])
    os.execve(spec["command"][0], spec["command"], spec["environment"])


if __name__ == "__main__":
    main()
