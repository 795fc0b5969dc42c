"""A process of telemetry that is killed, paused, woken and started again."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# It ends with us, however we end.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
# What pymongo says of its own cursors while nobody answers.
EXPLAINED = "MongoClient background task encountered an error"


class Replica:
    """`python -m telemetry_svc` at a port that it keeps; `log`: where it writes."""

    def __init__(self, name: str, variables: Mapping[str, str], port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log
        self._variables = {**variables, "FIELDSTOCK_LISTEN": f"127.0.0.1:{port}"}
        self._process: subprocess.Popen[bytes] | None = None
        self._lines_seen = 0

    def start(self) -> None:
        """Starts it; it serves a few seconds later."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                (*DIES_WITH_US, sys.executable, "-m", "telemetry_svc"),
                env=self._variables,
                stdout=output,
                stderr=output,
            )

    def signal(self, signum: signal.Signals) -> None:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} has ended: {self.last_words()}"
        self._process.send_signal(signum)

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(10)

    def end(self) -> None:
        """Ends it as a supervisor does, whatever state it is in."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2_000:]

    def troubles(self) -> list[str]:
        """Lines of its log that no fault explains, a bug's traceback; each is told once."""
        # Perhaps it is in the middle of the last one.
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
        new, self._lines_seen = lines[self._lines_seen :], len(lines)
        return [line for line in new if '"level": "error"' in line and EXPLAINED not in line]
