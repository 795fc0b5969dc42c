"""The present state of a topic, fetched and printed once for all who want it at the same time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self

import grpc
from prometheus_client import Counter

from gateway.frames import frame
from gateway.sources import Sources
from servicekit.access import Caller

SNAPSHOTS = Counter("fieldstock_edge_snapshots", "Attempts at a snapshot, by the answer of its source.", ["code"])

# After a reconnect every client wants its snapshots at once; the services have others to serve.
AT_ONCE = 32

# What is answered depends on these alone: the services let each role see the same.
Wanted = tuple[str, str, object]


class Present:
    """Whoever asks is given what was fetched from then on, not before: what happened meanwhile, they were told.

    Who asks while a topic is being fetched waits for the next time, together with all others who do. Five hundred
    alerts take tens of milliseconds to print, and five thousand clients may come back at once.
    """

    def __init__(self, sources: Sources, clock: Callable[[], float] = time.time) -> None:
        self._sources = sources
        self._clock = clock
        self._gate = asyncio.Semaphore(AT_ONCE)
        # Those that have not begun: there is still time to join. With the caller whose token is asked with.
        self._coming: dict[Wanted, tuple[Caller, asyncio.Task[bytes]]] = {}
        # Those that have: at most one for each of the others, which waits for it.
        self._running: dict[Wanted, asyncio.Task[bytes]] = {}
        self._tasks: set[asyncio.Task[bytes]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def snapshot(self, topic: str, caller: Caller) -> bytes:
        """The event `snapshot`, as a frame. Raises grpc.aio.AioRpcError."""
        wanted = (topic, caller.kind, caller.role)
        while True:
            if wanted not in self._coming:
                self._coming[wanted] = caller, self._begin(wanted, caller)
            asker, task = self._coming[wanted]
            try:
                return await asyncio.shield(task)
            except grpc.aio.AioRpcError as error:
                # Somebody else's token, which was revoked, says nothing of mine.
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED or asker is caller:
                    raise

    def _begin(self, wanted: Wanted, caller: Caller) -> asyncio.Task[bytes]:
        task = asyncio.create_task(self._in_turn(wanted, caller))
        self._tasks.add(task)

        def done(_: object) -> None:
            self._tasks.discard(task)
            if self._running.get(wanted) is task:
                del self._running[wanted]
            if not task.cancelled():
                # Looked at, even when everybody who waited has left.
                task.exception()

        task.add_done_callback(done)
        return task

    async def _in_turn(self, wanted: Wanted, caller: Caller) -> bytes:
        if before := self._running.get(wanted):
            await asyncio.wait([before])
        async with self._gate:
            _, self._running[wanted] = self._coming.pop(wanted)
            return await self._fetch(wanted[0], caller.token)

    async def _fetch(self, topic: str, token: str) -> bytes:
        version = int(self._clock() * 1000)
        try:
            snapshot = await self._sources.fetch(topic, token)
        except grpc.aio.AioRpcError as error:
            # Counted, and no line in the log: there may be one of these for each client and topic.
            SNAPSHOTS.labels(error.code().name).inc()
            raise
        SNAPSHOTS.labels(grpc.StatusCode.OK.name).inc()
        total: dict[str, Any] = {} if snapshot.total is None else {"total": snapshot.total}
        return frame("snapshot", {"topic": topic, "version": version, "items": snapshot.items, **total})
