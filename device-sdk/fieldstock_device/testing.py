"""For tests: a clock that the test moves."""

import heapq
import itertools
from collections.abc import Callable


class VirtualTimer:
    def __init__(self, due: float, delay: float, callback: Callable[[], object]) -> None:
        self.due, self.delay, self.callback = due, delay, callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.time = 0.0
        self.started_at = 1_800_000_000.0
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.started_at + self.time

    def monotonic(self) -> float:
        return self.time

    def call_later(self, seconds: float, callback: Callable[[], object]) -> VirtualTimer:
        timer = VirtualTimer(self.time + seconds, seconds, callback)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def timers(self) -> list[VirtualTimer]:
        return [timer for _, _, timer in self._timers if not timer.cancelled]

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self.time = due
            if not timer.cancelled:
                timer.callback()
        self.time = end
