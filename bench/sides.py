"""The sides of a ratio: a minute later a shared machine may be half as fast, for whoever has it then."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.machine import quiet


@dataclass
class Side:
    """Takes readings for so many seconds, and tells how many it took in how long; and what it took in all."""

    take: Callable[[float], Awaitable[tuple[float, float]]]
    readings: float = 0.0
    seconds: float = 0.0

    async def go(self, seconds: float) -> None:
        """Takes readings for so long, and has time for what it still has to do with them."""
        readings, elapsed = await self.take(seconds)
        self.readings += readings
        self.seconds += elapsed
        await quiet()

    @property
    def per_second(self) -> float:
        """Readings."""
        return self.readings / self.seconds


async def amid(side: Side, rivals: Sequence[Side], seconds: float) -> None:
    """Each has so long; the rivals one half of it before the side and the other after it, the nearest one the nearest:
    a machine that gets slower or faster all the while is the same for all of them."""
    for rival in rivals:
        await rival.go(seconds / 2)
    await side.go(seconds)
    for rival in reversed(rivals):
        await rival.go(seconds / 2)


async def liked_best(
    portions: Iterable[int], take: Callable[[int, float], Awaitable[tuple[float, float]]], seconds: float
) -> int:
    """Tries each for so long; the one in which a side takes most readings a second."""
    tried: dict[int, float] = {}
    for portion in portions:
        readings, elapsed = await take(portion, seconds)
        tried[portion] = readings / elapsed
    return max(tried, key=tried.__getitem__)
