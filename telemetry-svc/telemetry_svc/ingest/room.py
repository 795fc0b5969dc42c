"""How much the journal may hold: at its bound, ingest waits for the fold."""

import asyncio

from pymongo.errors import PyMongoError

from servicekit.logs import logger
from telemetry_svc.clock import Clock
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.observability import JOURNAL_BYTES

LOOK_SECONDS = 1.0
# From this part of the bound on the fold takes whatever there is; and below this one ingest goes on.
CROWDED, ROOMY = 0.5, 0.9
# At the bound what MongoDB tells is held against a count, that often.
COUNT_SECONDS = 300.0


class Room:
    """Looks now and then how large the journal is. Each replica does by itself, and sees the same."""

    def __init__(self, journal: Journal, clock: Clock, *, most_bytes: float) -> None:
        self._journal = journal
        self._clock = clock
        self._most = most_bytes
        self._free = asyncio.Event()
        self._free.set()
        self._counted_at = float("-inf")
        # MongoDB tells so much too much: one that was killed goes on from the sizes that it last wrote down.
        self._off = 0
        self.crowded = False
        # None while it is full.
        self.free_since_ms: int | None = clock()

    @property
    def full(self) -> bool:
        """Whether nothing more is to be stored for now."""
        return not self._free.is_set()

    async def free(self, seconds: float) -> bool:
        """Waits until it is not full, at most so long; whether it is not."""
        if self._free.is_set():
            return True
        try:
            async with asyncio.timeout(seconds):
                return await self._free.wait()
        except TimeoutError:
            return False

    async def watch(self) -> None:
        """Looks until it is cancelled."""
        while True:
            try:
                self._judge(await self._size())
            except PyMongoError as error:
                logger.warning("journal_not_measured", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _size(self) -> int:
        told, now = await self._journal.size(), asyncio.get_running_loop().time()
        if told - self._off >= self._most and now - self._counted_at >= COUNT_SECONDS:
            self._counted_at = now
            try:
                counted = await self._journal.counted_size()
                # Before and after: what comes and goes meanwhile is nothing that it is off by.
                self._off = max(0, min(told, await self._journal.size()) - counted)
            except PyMongoError as error:  # too much of it to be read in time: so it is full indeed
                logger.warning("journal_not_counted", error=str(error))
        return told - self._off

    def _judge(self, size: int) -> None:
        JOURNAL_BYTES.set(size)
        self.crowded = size >= CROWDED * self._most
        if size >= self._most and not self.full:
            logger.warning("journal_full", bytes=size)
            self._free.clear()
            self.free_since_ms = None
        elif size < ROOMY * self._most and self.full:
            logger.info("journal_has_room", bytes=size)
            self.free_since_ms = self._clock()
            self._free.set()
