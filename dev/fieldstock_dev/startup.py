"""Bringing parts up: each as soon as what it needs is healthy, many at once."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from fieldstock_dev.errors import PartDied, PartUnhealthy
from fieldstock_dev.home import Home
from fieldstock_dev.identity import Identity
from fieldstock_dev.part import Part
from fieldstock_dev.progress import Progress
from fieldstock_dev.services import Migration
from fieldstock_dev.supervision import UP, Supervisor

_LOG_TAIL = 20
_PAUSE = 0.1


class _Abandoned(Exception):
    """Another part failed, so this one need not come up any more."""


class Startup:
    """One bringing-up of these parts, which come in an order in which each follows what it needs."""

    def __init__(self, parts: Sequence[Part], supervisor: Supervisor, home: Home, progress: Progress) -> None:
        self._parts = parts
        self._supervisor = supervisor
        self._home = home
        self._progress = progress
        self._abandoned = threading.Event()
        self._unchanged = {part.name for part in parts if self._runs_unchanged(part)}

    def run(self) -> None:
        """Returns when all are healthy. Fails with what went wrong first; what had started by then still runs."""
        parts = [part for part in self._parts if not self._is_behind_us(part)]
        futures: dict[str, Future[None]] = {}
        with self._progress, ThreadPoolExecutor(max_workers=max(1, len(parts)), thread_name_prefix="startup") as pool:
            self._progress.begin(part.name for part in parts if part.name not in self._unchanged)
            try:
                for part in parts:
                    needed = [futures[need] for need in part.needs if need in futures]
                    futures[part.name] = pool.submit(self._bring_up, part, needed)
                wait(futures.values())
            finally:
                # Whatever interrupts the waiting, the threads must end for the pool to close.
                self._abandoned.set()
        failures = [failure for future in futures.values() if (failure := future.exception())]
        for failure in failures:
            if not isinstance(failure, _Abandoned):
                raise failure

    def _runs_unchanged(self, part: Part) -> bool:
        if not part.supervised:
            return False
        process = self._supervisor.process(part.name)
        return process is not None and process.state in UP and self._supervisor.is_launched_as(part.name, part.launch())

    def _is_behind_us(self, part: Part) -> bool:
        """A service that runs with the same code has its database as it wants it."""
        return isinstance(part, Migration) and part.service.name in self._unchanged

    def _bring_up(self, part: Part, needed: Sequence[Future[None]]) -> None:
        try:
            self._await_needs(needed)
            identity = self._start(part) if part.supervised else None
            self._await_health(part, identity)
            part.settle()
            self._progress.done(part.name)
        except BaseException:
            self._abandoned.set()
            raise

    @staticmethod
    def _await_needs(needed: Sequence[Future[None]]) -> None:
        for future in needed:
            if future.exception():
                raise _Abandoned

    def _start(self, part: Part) -> Identity:
        """Who runs as this part from now on."""
        if part.name in self._unchanged:
            process = self._supervisor.process(part.name)
            identity = Identity.of(process.pid) if process and process.pid else None
        else:
            self._supervisor.stop_processes([part.name], part.ending.seconds)
            part.prepare()
            if self._abandoned.is_set():
                raise _Abandoned
            identity = self._supervisor.start_process(part.name, part.launch())
        if identity is None:
            raise self._died(part)
        return identity

    def _await_health(self, part: Part, identity: Identity | None) -> None:
        deadline = time.monotonic() + part.patience
        while trouble := part.trouble():
            if identity and not identity.alive:
                raise self._died(part)
            if self._abandoned.is_set():
                raise _Abandoned
            if time.monotonic() > deadline:
                raise PartUnhealthy(
                    part=part.name, seconds=part.patience, trouble=trouble, log=self._home.log(part.name)
                )
            time.sleep(_PAUSE)

    def _died(self, part: Part) -> PartDied:
        log = self._home.log(part.name)
        return PartDied(part=part.name, log=log, tail=last_lines(log))


def last_lines(log: Path, count: int = _LOG_TAIL) -> str:
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
