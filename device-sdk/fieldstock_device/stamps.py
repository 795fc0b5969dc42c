"""When a reading was measured, in milliseconds since 1970."""

import asyncio
from datetime import datetime

from fieldstock_device.clock import Clock, sleep
from fieldstock_device.columns import InvalidReading

# Further behind, the clock was set back, and is believed.
_SET_BACK_MS = 1000

# The contract has 64 bits for milliseconds.
_END_S = 2**63 / 1000


class Stamps:
    """The times of readings that are measured now, never the same twice: of two at one time, one would be lost.

    None is ahead of the clock, either: a process that is started anew would give it once more.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._turn = asyncio.Lock()

    async def next(self) -> int:
        """The time now, once it is another than the last one's."""
        async with self._turn:
            while 0 <= self._last_ms - (now_ms := int(self._clock.now() * 1000)) < _SET_BACK_MS:
                await sleep(self._clock, (self._last_ms + 1) / 1000 - self._clock.now())
            self._last_ms = now_ms
            return now_ms


def milliseconds(time: datetime | float) -> int:
    """Of an aware datetime, or of seconds. Raises InvalidReading where the contract has no such time."""
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise InvalidReading("a time without a time zone may be any time")
        time = time.timestamp()
    # Nor has it NaN.
    if not abs(time) < _END_S:
        raise InvalidReading(f"{time!r} is no time in seconds since 1970")
    return round(time * 1000)
