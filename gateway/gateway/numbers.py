"""The fleet in numbers, told to whoever follows them when they may have changed."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self

import grpc

from gateway.fanout import Fanout
from gateway.frames import frame
from gateway.settings import Limits
from gateway.snapshots import PASSING
from gateway.sources import Sources
from gateway.topics import STATS, Subscriptions
from servicekit.logs import logger

# The numbers are of the last hour: they change as readings grow old, even when nothing happens.
IDLE_SECONDS = 60.0

# One whose token was revoked a moment ago may be asked with before the edge hears of it.
CALLERS_TRIED = 3
REFUSED = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})


class Numbers:
    """Asks for the numbers once for all who follow them: whoever is admitted here may see them, and sees the same.

    At most every `limits.seconds_between_stats`, and not at all while nobody follows.
    """

    def __init__(
        self,
        sources: Sources,
        subscriptions: Subscriptions,
        fanout: Fanout,
        limits: Limits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sources = sources
        self._subscriptions = subscriptions
        self._fanout = fanout
        self._limits = limits
        self._clock = clock
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def stir(self) -> None:
        """Something happened that the numbers may show."""
        self._stirred.set()

    async def _run(self) -> None:
        pause = max(0.0, self._limits.seconds_between_stats - self._limits.seconds_until_stats)
        while True:
            await self._change()
            # Telemetry may hear of a change later than the edge does.
            await asyncio.sleep(self._limits.seconds_until_stats)
            self._stirred.clear()
            try:
                await self._tell()
            except grpc.aio.AioRpcError as error:
                logger.info("stats_unavailable", code=error.code().name)
                # Another refusal is as likely the next time: that waits for another change.
                if error.code() in PASSING:
                    self._stirred.set()
            except Exception:  # noqa: BLE001 - a bug: it must not end what others wait for
                logger.exception("stats_failed")
            await asyncio.sleep(pause)

    async def _change(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._stirred.wait()
        except TimeoutError:
            return

    async def _tell(self) -> None:
        version = int(self._clock() * 1000)
        stats = await self._fetch()
        if stats is not None:
            # Only how things are counts, not how they were while the client was not reading.
            self._fanout.send([STATS], frame("stats", {**stats, "version": version}), STATS)

    async def _fetch(self) -> dict[str, Any] | None:
        """The numbers, by the token that lasts longest; None when nobody follows who could ask."""
        callers = [session.caller for session in self._subscriptions.followers(STATS)]
        callers.sort(key=lambda caller: caller.expires_at, reverse=True)
        for caller in callers[:CALLERS_TRIED]:
            try:
                return await self._sources.stats(caller.token)
            except grpc.aio.AioRpcError as error:
                if error.code() not in REFUSED:
                    raise
        return None
