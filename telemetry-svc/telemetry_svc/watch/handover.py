"""Committed groups on their way from ingest to the watch, in memory."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from telemetry_svc.columns.frame import Frame

# A watch that is slower than ingest holds it up, rather than growing without bound.
MAX_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Committed:
    """A group of this process: its number, and what is stored of it; None: that is not known."""

    number: int
    frames: Sequence[Frame] | None

    def __len__(self) -> int:
        return sum(map(len, self.frames or ()))


class Handover:
    """A bounded queue that is shut until somebody watches: what is put before is in the journal, and found there."""

    def __init__(self) -> None:
        self._groups: deque[Committed] = deque()
        self._rows = 0
        self._open = False
        self._change = asyncio.Condition()

    async def put(self, number: int, frames: Sequence[Frame] | None) -> None:
        """Hands over a group; waits while too much is on its way. While shut, does nothing."""
        group = Committed(number, frames)
        async with self._change:
            await self._change.wait_for(lambda: not self._open or self._rows < MAX_ROWS)
            if self._open:
                self._groups.append(group)
                self._rows += len(group)
                self._change.notify_all()

    async def get(self, seconds: float) -> Committed | None:
        """The next group, as soon as there is one; None when there is none for so long."""
        async with self._change:
            try:
                async with asyncio.timeout(seconds):
                    await self._change.wait_for(lambda: bool(self._groups))
            except TimeoutError:
                return None
            group = self._groups.popleft()
            self._rows -= len(group)
            self._change.notify_all()
            return group

    async def open(self) -> None:
        """Keeps what comes from now on."""
        async with self._change:
            self._open = True

    async def shut(self) -> None:
        """Drops what is on its way, and whatever comes."""
        async with self._change:
            self._open = False
            self._groups.clear()
            self._rows = 0
            self._change.notify_all()
