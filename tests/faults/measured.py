"""What the devices of a round measure, and what must come of it: the same for every round, whatever happens in it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

STEP_MS = 250
LIMIT, CLEAR = 85.0, 80.0
# Rows of device time that the patient rule waits for.
PATIENCE_MS = 1_000
METRICS = ("load", "temperature")


@dataclass(frozen=True, slots=True)
class Course:
    """What one device measures: row k at `start_ms + k * STEP_MS`. Every `cycle` rows it is too hot for a while, within
    the band of the hysteresis, too hot again, and once more for a single row."""

    number: int
    start_ms: int
    cycle: int

    def times(self, first: int, last: int) -> np.ndarray:
        """Of the rows [first, last)."""
        return self.start_ms + np.arange(first, last, dtype=np.int64) * STEP_MS

    def values(self, first: int, last: int) -> dict[str, np.ndarray]:
        """Likewise, by metric."""
        row = np.arange(first, last, dtype=np.int64)
        at = (row + 17 * self.number) % self.cycle
        usual = 20.0 + (7 * row + 13 * self.number) % 500 / 10
        hot = 90.0 + (3 * row + self.number) % 90 / 10
        temperature = np.where((at >= 20) & (at < 30) | (at >= 36) & (at < 40) | (at == 50), hot, usual)
        temperature = np.where((at >= 30) & (at < 36), 82.5, temperature)
        return {"load": (31 * row + self.number) % 1_000 / 8, "temperature": temperature.round(1)}

    def alerts(self, rows: int, patience_ms: int) -> Iterator[tuple[int, int | None]]:
        """When a rule that waits so long opens an alert, and when it is over: of the first so many rows."""
        since: int | None = None
        opened = False
        times, temperature = self.times(0, rows).tolist(), self.values(0, rows)["temperature"].tolist()
        for time_ms, value in zip(times, temperature, strict=True):
            if opened and since is not None:
                if value <= CLEAR:
                    yield since, time_ms
                    since, opened = None, False
            elif value <= LIMIT:
                since = None
            else:
                since = time_ms if since is None else since
                opened = time_ms - since >= patience_ms
        if opened and since is not None:
            yield since, None
