"""The supervisor: `supervisord` in the background keeps the processes running and their logs short.

We write its configuration, start it, and talk to it over its socket in the home.
"""

import http.client
import json
import os
import resource
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from fieldstock_dev import launch
from fieldstock_dev.errors import SupervisorFailed
from fieldstock_dev.home import Home, write_private
from fieldstock_dev.identity import Identity, end, wait_for_end
from fieldstock_dev.part import Launch, Part

DAEMON = "supervisord"
_NO_FILE = 65_536


class State(StrEnum):
    """Supervisor's own names (http://supervisord.org/subprocess.html#process-states)."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"


RESTING = frozenset({State.STOPPED, State.EXITED, State.FATAL, State.UNKNOWN})
"""Nothing runs, and nothing will unless it is told to."""
UP = frozenset({State.STARTING, State.RUNNING})


@dataclass(frozen=True)
class Supervised:
    name: str
    state: State
    pid: int
    uptime: float
    """Seconds since its last start; 0 when it does not run."""


class Supervisor:
    """Every call is a connection of its own, so that threads may share one Supervisor."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def running(self) -> bool:
        try:
            self._call("getState")
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def start(self, parts: Iterable[Part]) -> None:
        """Start it, or make the running one know the parts as well. No process starts by this."""
        self._configure(parts)
        if self.running:
            added, _changed, _removed = self._call("reloadConfig")[0]
            for name in added:
                self._call("addProcessGroup", name)
            return
        self._home.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._configuration)]
        started = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True
        )
        deadline = time.monotonic() + 15
        while not self.running:
            if started.returncode or time.monotonic() > deadline:
                raise SupervisorFailed(
                    output=(started.stdout + started.stderr).strip() or f"see {self._home.log(DAEMON)}"
                )
            time.sleep(0.02)
        identity = Identity.of(self._call("getPID"))
        if identity:
            identity.write(self._home.identity(DAEMON))

    def processes(self) -> dict[str, Supervised]:
        """All that it knows, running or not; empty when it does not run itself."""
        if not self.running:
            return {}
        return {
            info["name"]: Supervised(
                name=info["name"],
                state=State(info["statename"]),
                pid=info["pid"],
                uptime=info["now"] - info["start"] if info["pid"] else 0,
            )
            for info in self._call("getAllProcessInfo")
        }

    def process(self, name: str) -> Supervised | None:
        return self.processes().get(name)

    def start_process(self, name: str, how: Launch) -> Identity | None:
        """Start one process and say who it is; None when it has ended already."""
        self._await_rest(name)
        write_private(self._home.spec(name), self._spec(name, how))
        self._call("startProcess", name, False)
        process = self.process(name)
        return Identity.of(process.pid) if process else None

    def stop_processes(self, names: Iterable[str], seconds: float) -> None:
        """Ask them to end, all at once, and wait. What does not end in its time (`seconds` at most) is killed."""
        known = self.processes()
        stopping = [known[name] for name in names if name in known and known[name].state not in RESTING]
        identities = [identity for process in stopping if process.pid and (identity := Identity.of(process.pid))]
        for process in stopping:
            if process.state is not State.STOPPING:
                self._call("stopProcess", process.name, False)
        wait_for_end(identities, seconds + 5)
        for process in stopping:
            self._await_rest(process.name)

    def is_launched_as(self, name: str, how: Launch) -> bool:
        """Whether the process was last started just so."""
        spec = self._home.spec(name)
        return spec.exists() and spec.read_text(encoding="utf-8") == self._spec(name, how)

    def layers(self) -> list[list[str]]:
        """The names of the processes in the order in which they end."""
        by_priority: dict[int, list[str]] = {}
        for program in self._call("getAllConfigInfo"):
            by_priority.setdefault(program["process_prio"], []).append(program["name"])
        return [by_priority[priority] for priority in sorted(by_priority, reverse=True)]

    def shutdown(self) -> None:
        """End the supervisor itself."""
        identity = Identity.of(self._call("getPID"))
        self._call("shutdown")
        if identity and not identity.wait(60):
            end([identity])

    def _await_rest(self, name: str) -> None:
        """Until a process that ended is seen as ended: supervisord looks once a second, and whenever it is asked."""
        deadline = time.monotonic() + 10
        while (process := self.process(name)) and process.state not in RESTING and time.monotonic() < deadline:
            # A start that failed is tried again after a pause: waiting for that ends the moment it is told to stop.
            if process.state is State.BACKOFF:
                self._call("stopProcess", name, False)
            time.sleep(0.02)

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._home.socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        except http.client.RemoteDisconnected as error:
            raise ConnectionRefusedError from error
        finally:
            transport.close()

    @property
    def _configuration(self) -> Path:
        return self._home.run / "supervisord.conf"

    def _spec(self, name: str, how: Launch) -> str:
        spec = {
            "command": how.command,
            "environment": how.environment,
            "folder": str(how.folder),
            "fingerprint": how.fingerprint,
            "identity_file": str(self._home.identity(name)),
        }
        return json.dumps(spec, indent=2, sort_keys=True)

    def _configure(self, parts: Iterable[Part]) -> None:
        self._home.socket.parent.mkdir(mode=0o700, exist_ok=True)
        # At the usual soft limit, 1,024 open files, MongoDB and RabbitMQ turn clients away. The hard limit is not ours.
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = _NO_FILE if files == resource.RLIM_INFINITY else min(files, _NO_FILE)
        sections = [
            f"""
[unix_http_server]
file={_escaped(self._home.socket)}
chmod=0700

[supervisord]
logfile={_escaped(self._home.log(DAEMON))}
logfile_maxbytes=1MB
logfile_backups=1
pidfile={_escaped(self._home.run / "supervisord.pid")}
minfds={files}
{"user=root" if os.getuid() == 0 else ""}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
        ]
        sections += [self._program(part) for part in parts]
        write_private(self._configuration, "".join(sections))

    def _program(self, part: Part) -> str:
        # -I and -S: the launcher needs the standard library alone, and without `site` it starts in a third of the time.
        command = " ".join(
            f'"{_escaped(word)}"' for word in (sys.executable, "-I", "-S", launch.__file__, self._home.spec(part.name))
        )
        return f"""
[program:{part.name}]
command={command}
priority={int(part.layer)}
autostart=false
autorestart=true
startretries=20
stopsignal={part.ending.signal}
stopwaitsecs={part.ending.seconds}
stopasgroup={str(part.ending.group).lower()}
killasgroup=true
redirect_stderr=true
stdout_logfile={_escaped(self._home.log(part.name))}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def _escaped(text: object) -> str:
    """Supervisor expands %(names)s in every value."""
    return str(text).replace("%", "%%")
