"""Reading back, from entries made here."""

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from telemetry_svc.columns.frame import Frame
from telemetry_svc.history.queries import Readings
from telemetry_svc.ingest.journal import Entry


class Entries:
    """Entries of device 1, as the journal would give them."""

    def __init__(self, *entries: tuple[list[int], list[float]]) -> None:
        self._entries = [
            Entry((b"writer", group, 1), group, min(times), max(times), [_frame(times, values)])
            for group, (times, values) in enumerate(entries, start=1)
        ]
        self.opened = 0

    async def newest_first(self, partition: int, from_ms: int, to_ms: int) -> AsyncIterator[Entry]:
        assert partition == 1
        for entry in sorted(self._entries, key=lambda entry: -entry.to_ms):
            if entry.to_ms >= from_ms and entry.from_ms <= to_ms:
                self.opened += 1
                yield entry


def _frame(times: list[int], values: list[float]) -> Frame:
    device = np.ones(2 * len(times), np.int32)
    device[::2] = 65  # another one of the same partition
    columns = np.repeat(np.array(times, np.int64), 2), {"a": np.repeat(np.array(values, float), 2)}
    return Frame(device, *columns, received_ms=0)


async def read(entries: Entries, size: int = 100, start_ms: int = 0, end_ms: int = 10**6) -> list[tuple[int, float]]:
    found = await Readings(entries).newest_first(1, start_ms=start_ms, end_ms=end_ms, metrics=(), size=size)
    return [(reading.time_ms, reading.metrics["a"]) for reading in found]


async def test_readings_come_newest_first_from_entries_that_overlap() -> None:
    entries = Entries(([10, 50], [1, 2]), ([20, 40], [3, 4]), ([30], [5]))
    assert await read(entries) == [(50, 2), (40, 4), (30, 5), (20, 3), (10, 1)]
    assert await read(entries, size=2) == [(50, 2), (40, 4)]
    assert await read(entries, start_ms=20, end_ms=40) == [(30, 5), (20, 3)]


async def test_of_a_cell_that_came_again_the_first_received_stays_wherever_it_is_found() -> None:
    assert await read(Entries(([10], [1]), ([10, 90], [2, 3]))) == [(90, 3), (10, 1)]
    assert await read(Entries(([10, 90], [1, 3]), ([10], [2]))) == [(90, 3), (10, 1)]
    assert await read(Entries(([10, 10], [1, 2]))) == [(10, 1)]


async def test_what_is_older_than_the_page_is_not_opened() -> None:
    entries = Entries(*(([time, time + 1], [1, 2]) for time in range(0, 1000, 2)))
    assert await read(entries, size=4) == [(999, 2), (998, 1), (997, 2), (996, 1)]
    assert entries.opened <= 3


@pytest.mark.parametrize("seed", range(20))
async def test_every_page_is_what_a_full_look_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    made: list[tuple[list[int], list[float]]] = []
    expected: dict[int, float] = {}
    for _ in range(30):
        times = random.integers(1, 200, int(random.integers(1, 12))).tolist()
        values: list[Any] = random.integers(0, 1000, len(times)).astype(float).tolist()
        made.append((times, values))
        for time, value in zip(times, values, strict=True):
            expected.setdefault(time, value)
    whole = sorted(expected.items(), reverse=True)
    for size in (1, 7, 50):
        assert await read(Entries(*made), size=size) == whole[:size]
        assert await read(Entries(*made), size=size, end_ms=100) == [row for row in whole if row[0] < 100][:size]
