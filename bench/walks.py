"""What sensors really say: values that wander, at a resolution of 0.1, one reading a minute; and when it arrives."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.shapes import HIGHEST, LOWEST, METRICS
from fieldstock.telemetry.v1 import reading_pb2
from telemetry_svc.columns.frame import PARTITIONS, Frame

MINUTE_MS = 60_000
# Readings of a message.
ROWS = 5_000
# How far a value wanders in a minute, and where it begins.
STEP, FIRST = 0.15, (15.0, 60.0)
# On its way a reading is for so long, most of the time; and a few that have to be sent again, for so much longer.
DELAY_MS, DELAY_SPREAD = 120.0, 0.6
AGAIN, AGAIN_MS = 0.01, 3_000.0


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

    @cached_property
    def received(self) -> NDArray[np.int64]:
        """[partition, minute]: when the service had them. A sensor's column of these is its own in the end, because the
        sensors of a partition are far from each other on disk."""
        generator = np.random.default_rng(12)
        size = (PARTITIONS, self.minutes)
        delays = generator.lognormal(np.log(DELAY_MS), DELAY_SPREAD, size)
        delays += (generator.random(size) < AGAIN) * generator.exponential(AGAIN_MS, size)
        return self.times + delays.astype(np.int64)

    def frames(self) -> Iterator[Frame]:
        """As the service's journal takes them, a partition's readings of a minute at once; minute by minute."""
        ids = np.array(self.ids, np.int32)
        rows = [np.flatnonzero(ids % PARTITIONS == partition) for partition in range(PARTITIONS)]
        for minute, time_ms in enumerate(self.times.tolist()):
            for mine, received_ms in zip(rows, self.received[:, minute].tolist(), strict=True):
                if len(mine):
                    columns = zip(METRICS, self.values[mine, :, minute].T, strict=True)
                    values: dict[str, NDArray[np.float64]] = dict(columns)
                    yield Frame(ids[mine], np.full(len(mine), time_ms), values, received_ms)

    def batches(self) -> Iterator[bytes]:
        """As a stream takes them, device by device."""
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
