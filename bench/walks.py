"""What sensors really say: values that wander, at a resolution of 0.1, one reading a minute."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.shapes import HIGHEST, LOWEST, METRICS
from fieldstock.telemetry.v1 import reading_pb2

MINUTE_MS = 60_000
# How far a value wanders in a minute, and where it begins.
STEP, FIRST = 0.15, (15.0, 60.0)
# Readings of a message: the most that all sides take at once.
ROWS = 5_000


@dataclass(frozen=True)
class Walks:
    """Readings of some devices: `minutes` of each, from `start_ms` on."""

    ids: range
    start_ms: int
    minutes: int

    @property
    def readings(self) -> int:
        """How many there are."""
        return len(self.ids) * self.minutes

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """[device, metric, minute]"""
        generator = np.random.default_rng(11)
        size = (len(self.ids), len(METRICS))
        steps = generator.normal(0, STEP, (*size, self.minutes))
        walked = generator.uniform(*FIRST, size)[:, :, None] + np.cumsum(steps, axis=2)
        return walked.clip(LOWEST, HIGHEST).round(1)

    @property
    def times(self) -> NDArray[np.int64]:
        """[minute]"""
        return self.start_ms + np.arange(self.minutes) * MINUTE_MS

    def batches(self) -> Iterator[bytes]:
        """As the service takes them, device by device."""
        sequence = 0
        for number, device in enumerate(self.ids):
            for start in range(0, self.minutes, ROWS):
                part = slice(start, start + ROWS)
                sequence += 1
                batch = reading_pb2.ReadingBatch(
                    sequence=sequence, device_id=[device], time_ms=self.times[part].tolist()
                )
                for metric, column in zip(METRICS, self.values[number, :, part].tolist(), strict=True):
                    batch.series.add(metric=metric, values=column)
                yield batch.SerializeToString()

    def rows(self) -> Iterator[tuple[int, int, list[float]]]:
        """One by one: device, time, its values."""
        times = self.times.tolist()
        for number, device in enumerate(self.ids):
            for time_ms, values in zip(times, self.values[number].T.tolist(), strict=True):
                yield device, time_ms, values
