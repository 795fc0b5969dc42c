"""Time in a test: it is moved, or waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """A clock that tells the time of day, until it is moved."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._stopped: datetime | None = None

    def __call__(self) -> datetime:
        return (self._stopped or datetime.now(UTC)) + self._ahead

    def stop(self) -> None:
        """From now on time passes by `move` alone: for what must not depend on how busy the machine is."""
        self._stopped = datetime.now(UTC)

    def move(self, **ahead: float) -> None:
        """As timedelta's arguments: `move(days=30)`."""
        self._ahead += timedelta(**ahead)


async def eventually(look: Callable[[], Awaitable[T]], within: float = 5.0, every: float = 0.01) -> T:
    """The first true answer of `look`. Raises TimeoutError when there is none within so many seconds."""
    async with asyncio.timeout(within):
        while not (found := await look()):  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(every)
    return found
