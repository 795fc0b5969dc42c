"""Processes known beyond doubt: a pid together with its start time, and the group that it leads."""

import json
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fieldstock_dev.launch import boot_id, stat_fields

_ZOMBIES = frozenset("ZX")


@dataclass(frozen=True)
class Identity:
    """One process for its whole life. `session` is the session it was started in (its supervisor's)."""

    pid: int
    start: int
    boot: str
    session: int

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Who runs under this pid now; None when nobody does."""
        try:
            fields = stat_fields(pid)
        except (FileNotFoundError, ProcessLookupError):
            return None
        if fields[0] in _ZOMBIES:
            return None
        return cls(pid=pid, start=int(fields[19]), boot=boot_id(), session=int(fields[3]))

    @classmethod
    def read(cls, file: Path) -> "Identity | None":
        """What `launch.py` noted; None when it never ran."""
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write(self, file: Path) -> None:
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(file)

    @property
    def alive(self) -> bool:
        now = Identity.of(self.pid)
        return now is not None and (now.start, now.boot) == (self.start, self.boot)

    def wait(self, seconds: float) -> bool:
        """True once the process has ended, False when it still runs after so many seconds."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            # Only after the descriptor holds the pid is it certain whose it is.
            if not self.alive:
                return True
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(max(0, seconds) * 1000))
        finally:
            os.close(descriptor)

    def group(self) -> "list[Identity]":
        """The living members of the group that this process leads, also when the leader itself is gone.

        The kernel reuses no pid while a group bears its number; group and session together tell ours from a later
        namesake.
        """
        if self.boot != boot_id():
            return []
        return [member for member, group in _everybody() if group == self.pid and member.session == self.session]


def _everybody() -> Iterator[tuple[Identity, int]]:
    """Every process of the machine with the number of its group."""
    boot = boot_id()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            fields = stat_fields(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] not in _ZOMBIES:
            yield (
                Identity(pid=int(entry.name), start=int(fields[19]), boot=boot, session=int(fields[3])),
                int(fields[2]),
            )


def wait_for_end(identities: Iterable[Identity], seconds: float) -> list[Identity]:
    """Those that still run when the time is over."""
    deadline = time.monotonic() + seconds
    return [identity for identity in identities if not identity.wait(deadline - time.monotonic())]


def send(identity: Identity, signum: int) -> None:
    """Signal one process, unless it has ended meanwhile."""
    if identity.alive:
        try:
            os.kill(identity.pid, signum)
        except ProcessLookupError:
            return


def end(identities: Iterable[Identity], *, politely: float = 10) -> list[Identity]:
    """End them: asked first, killed after `politely` seconds. Returns those that even survived that."""
    remaining = list(identities)
    for identity in remaining:
        send(identity, signal.SIGTERM)
    remaining = wait_for_end(remaining, politely)
    for identity in remaining:
        send(identity, signal.SIGKILL)
    return wait_for_end(remaining, 5)
