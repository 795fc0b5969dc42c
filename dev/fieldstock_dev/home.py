"""The folder that holds everything of one stack: its data, its logs, its secrets, and who runs."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fieldstock_dev.errors import ForeignHome

MARKER = "fieldstock-home.json"
# sockaddr_un holds 108 bytes; the supervisor appends its pid to the name while it binds.
_LONGEST_SOCKET_PATH = 90


class Home:
    """`FIELDSTOCK_HOME`: two stacks run side by side when each has its own."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.run = self.path / "run"
        self.ports = self.path / "ports.json"
        self.credentials = self.path / "secrets.json"
        self._marker = self.path / MARKER

    @property
    def claimed(self) -> bool:
        return self._marker.is_file()

    def claim(self) -> None:
        """Make the folder ours. Fails with ForeignHome when it holds somebody else's files."""
        if not self.claimed:
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise ForeignHome(home=self.path)
            self.path.mkdir(parents=True, exist_ok=True)
            self._marker.write_text(json.dumps({"made_by": "fieldstock_dev", "layout": 1}) + "\n", encoding="utf-8")
        # What runs is described there with its passwords, and logs may quote what users sent.
        for private in (self.logs, self.run):
            private.mkdir(mode=0o700, exist_ok=True)

    def remove(self) -> None:
        """Remove the folder with all data. Fails with ForeignHome when it is not ours."""
        if not self.path.exists():
            return
        if not self.claimed:
            raise ForeignHome(home=self.path)
        # The marker goes last, so that a removal that was interrupted can be repeated.
        for entry in [entry for entry in self.path.iterdir() if entry != self._marker]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        shutil.rmtree(self.path)
        shutil.rmtree(self.socket.parent, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time: two `make up` at once must not start two of everything."""
        self.claim()
        with (self.run / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def data(self, name: str) -> Path:
        return self.path / name

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def spec(self, name: str) -> Path:
        return self.run / f"{name}.spec.json"

    def identity(self, name: str) -> Path:
        return self.run / f"{name}.pid.json"

    @property
    def socket(self) -> Path:
        """The supervisor's socket: in the home, or below /tmp when the home's path is too long for one."""
        near = self.run / "supervisor.sock"
        if len(os.fsencode(near)) <= _LONGEST_SOCKET_PATH:
            return near
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"fieldstock-{os.getuid()}-{digest}" / "supervisor.sock"


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else may read, replacing it in one step."""
    draft = file.with_name(file.name + ".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)
