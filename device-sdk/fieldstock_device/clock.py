"""Time as a parameter: the client never asks the machine, it asks the clock it was given."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """What `Clock.call_later` hands back."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """The time of day in seconds since 1970 (UTC); may be set forwards and backwards."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever pass."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Returns after so many seconds of that clock."""
    await Alarm(clock).wait(seconds)


class Alarm:
    """Wakes its one waiter when it is rung, or when the time is over. A ring that nobody heard is kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float | None = None) -> None:
        timer = None if seconds is None else self._clock.call_later(max(0.0, seconds), self._rung.set)
        try:
            await self._rung.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._rung.clear()
