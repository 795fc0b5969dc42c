"""Reading back, from a journal and segments made here."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from telemetry_svc.columns.frame import Frame
from telemetry_svc.columns.rows import UNKNOWN, Rows
from telemetry_svc.history.queries import Readings, Span
from telemetry_svc.history.segments import Segment, Segments
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.store import Store

Some = tuple[list[int], list[float]]


def _frame(times: list[int], values: list[float], received_ms: int = 0) -> Frame:
    device = np.ones(2 * len(times), np.int32)
    device[::2] = 65  # another one of the same partition
    return Frame(
        device, np.repeat(np.array(times, np.int64), 2), {"a": np.repeat(np.array(values, float), 2)}, received_ms
    )


class Made:
    """Readings of device 1: in the journal, and folded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._journal = Journal(store.journal, patience_seconds=5)
        self._readings = Readings(self._journal, Segments(store.segments))

    async def journal(self, *entries: Some) -> None:
        for group, (times, values) in enumerate(entries, start=1):
            await self._journal.append(group, [_frame(times, values, received_ms=group)])

    async def segments(self, *segments: Some, received_ms: int = UNKNOWN) -> None:
        made = [
            Segment(
                1,
                times[0],
                Rows.of(Frame(np.ones(len(times), np.int32), np.array(times), {"a": np.array(values)}, received_ms)),
            )
            for times, values in segments
        ]
        async with self._store.database.client.start_session() as session:
            await Segments(self._store.segments).write(made, session)

    async def read(self, size: int = 100, start_ms: int = 0, end_ms: int = 10**6) -> list[tuple[int, float]]:
        found = await self._readings.newest_first(1, Span(start_ms, end_ms, ()), size)
        return [(reading.time_ms, reading.metrics["a"]) for reading in found]

    async def receipts(self) -> list[tuple[int, int]]:
        found = await self._readings.newest_first(1, Span(0, 10**6, ()), 100)
        return [(reading.time_ms, reading.received_ms) for reading in found]

    async def buckets(self, step_ms: int, size: int = 100, end_ms: int = 10**6) -> list[tuple[int, float, float, int]]:
        found = await self._readings.buckets(1, Span(0, end_ms, ()), step_ms, size)
        return [(one.start_ms, (a := one.metrics["a"]).least, a.most, a.count) for one in found]


@pytest.fixture
def made(store: Store) -> Made:
    return Made(store)


async def test_readings_come_newest_first_from_entries_that_overlap(made: Made) -> None:
    await made.journal(([10, 50], [1, 2]), ([20, 40], [3, 4]), ([30], [5]))
    assert await made.read() == [(50, 2), (40, 4), (30, 5), (20, 3), (10, 1)]
    assert await made.read(size=2) == [(50, 2), (40, 4)]
    assert await made.read(start_ms=20, end_ms=40) == [(30, 5), (20, 3)]


async def test_of_a_cell_that_came_again_the_first_received_stays(made: Made) -> None:
    await made.journal(([10, 10], [1, 9]), ([10, 90], [2, 3]))
    assert await made.read() == [(90, 3), (10, 1)]


async def test_a_reading_was_received_when_its_first_cell_was_whether_it_is_folded_or_not(made: Made) -> None:
    await made.segments(([10, 20], [1.0, 2.0]), ([30], [3.0]), received_ms=2)
    await made.journal(([20, 40], [9, 8]), ([30], [9]), ([30, 50], [9, 7]))
    assert await made.read() == [(50, 7), (40, 8), (30, 3), (20, 9), (10, 1)]
    assert await made.receipts() == [(50, 3), (40, 1), (30, 2), (20, 1), (10, 2)]


async def test_segments_of_before_receipts_were_kept_are_read_and_stay(made: Made, store: Store) -> None:
    await made.segments(([10, 20], [1.0, 2.0]))
    await store.segments.update_many({}, {"$unset": {"received": ""}})
    await made.journal(([20, 30], [9, 3]))
    assert await made.read() == [(30, 3), (20, 2), (10, 1)]
    assert await made.receipts() == [(30, 1), (20, UNKNOWN), (10, UNKNOWN)]


async def test_what_is_folded_stays_though_it_comes_again(made: Made) -> None:
    await made.segments(([10, 20], [1.0, 2.0]), ([30], [3.0]))
    await made.journal(([10, 15, 30, 40, 5], [9, 8, 7, 4, 6]))
    assert await made.read() == [(40, 4), (30, 3), (20, 2), (15, 8), (10, 1), (5, 6)]
    assert await made.read(size=3) == [(40, 4), (30, 3), (20, 2)]
    assert await made.read(start_ms=15, end_ms=30) == [(20, 2), (15, 8)]


async def test_what_is_older_than_the_page_is_not_opened(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    await made.segments(*(([time, time + 1], [1.0, 2.0]) for time in range(0, 1000, 2)))
    opened = 0

    def counting(original: Callable[..., Any]) -> Callable[..., Any]:
        def count(document: Any) -> Segment:
            nonlocal opened
            opened += 1
            return original(document)

        return count

    from telemetry_svc.history import segments

    monkeypatch.setattr(segments, "segment_of", counting(segments.segment_of))
    assert await made.read(size=4) == [(999, 2), (998, 1), (997, 2), (996, 1)]
    assert await made.read(start_ms=10, end_ms=12) == [(11, 2), (10, 1)]
    assert opened <= 4


@pytest.mark.parametrize("seed", range(8))
async def test_every_page_and_every_bucket_is_what_a_full_look_gives(made: Made, seed: int) -> None:
    random = np.random.default_rng(seed)
    expected: dict[int, float] = {}
    folded = sorted(random.choice(200, 60, replace=False).tolist())
    cuts = [0, *sorted(random.choice(range(1, 60), 5, replace=False).tolist()), 60]
    values = random.integers(0, 1000, 60).astype(float).tolist()
    await made.segments(*((folded[a:b], values[a:b]) for a, b in pairwise(cuts)))
    expected |= dict(zip(folded, values, strict=True))
    entries: list[Some] = []
    for _ in range(20):
        times = random.integers(1, 250, int(random.integers(1, 12))).tolist()
        entries.append((times, random.integers(0, 1000, len(times)).astype(float).tolist()))
        for time, value in zip(*entries[-1], strict=True):
            expected.setdefault(time, value)
    await made.journal(*entries)
    whole = sorted(expected.items(), reverse=True)
    for size in (1, 7, 50, 500):
        assert await made.read(size=size) == whole[:size]
        assert await made.read(size=size, end_ms=100) == [row for row in whole if row[0] < 100][:size]
    buckets: dict[int, list[float]] = {}
    for time, value in whole:
        buckets.setdefault(time // 30 * 30, []).append(value)
    counted = [(start, min(found), max(found), len(found)) for start, found in sorted(buckets.items(), reverse=True)]
    assert await made.buckets(30) == counted
    assert await made.buckets(30, size=2) == counted[:2]
