"""The seam between what is recorded and what is sent."""

import math
import random
from collections.abc import Iterator

import pytest

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch, Series
from fieldstock_device import DiskSpool, MemorySpool, Spool
from fieldstock_device.backoff import Backoff
from fieldstock_device.columns import MAX_METRICS, MAX_ROWS, Columns
from fieldstock_device.target import open_channel


@pytest.fixture(params=["memory", "disk"])
def spool(request, tmp_path) -> Iterator[Spool]:
    if request.param == "memory":
        yield MemorySpool()
        return
    with DiskSpool(tmp_path / "spool") as spool:
        yield spool


def batch(*values: float) -> ReadingBatch:
    return ReadingBatch(time_ms=[1] * len(values), series=[Series(metric="temperature", values=values)])


def sequences(spool: Spool) -> list[int]:
    kept, last = [], 0
    while (spooled := spool.after(last)) is not None:
        kept.append(last := spooled.sequence)
    return kept


def test_a_spool_numbers_from_one_and_keeps_until_released(spool):
    for value in range(5):
        assert spool.append(batch(value, value)) == 0
    assert sequences(spool) == [1, 2, 3, 4, 5]
    assert spool.release(2) == 4
    assert spool.release(1) == 0
    assert sequences(spool) == [3, 4, 5]
    assert spool.rows == 6
    assert spool.release(99) == 6
    assert spool.after(0) is None
    spool.append(batch(1))
    assert sequences(spool) == [6]


def test_a_spool_says_after_any_sequence_what_comes_next(spool):
    for value in range(9):
        spool.append(batch(value))
    spool.release(4)
    assert [getattr(spool.after(n), "sequence", None) for n in (0, 4, 5, 8, 9, 50)] == [5, 5, 6, 9, None, None]


def test_a_full_spool_drops_the_oldest_and_stays_within_its_bound():
    spool = MemorySpool(max_bytes=10_000)
    dropped = sum(spool.append(batch(*range(100))) for _ in range(50))
    assert dropped == 5000 - spool.rows
    # 1,600 bytes of columns each, and a little.
    assert spool.rows == 500
    assert sequences(spool)[-1] == 50


def test_a_batch_larger_than_the_spool_is_kept_alone():
    spool = MemorySpool(max_bytes=100)
    assert spool.append(batch(*range(1000))) == 0
    assert spool.append(batch(1)) == 1000
    assert spool.rows == 1


def test_a_renewed_spool_keeps_its_batches_under_another_name(spool):
    for value in range(4):
        spool.append(batch(value))
    spool.release(2)
    before = spool.source_id
    spool.renew()
    assert spool.source_id != before
    assert sequences(spool) == [1, 2]
    spool.append(batch(9))
    assert sequences(spool) == [1, 2, 3]


def test_columns_fill_gaps_on_either_side():
    columns = Columns()
    columns.add(1, {"a": 1.0})
    columns.add(2, {"b": 2.0})
    columns.add(3, {"a": 3.0})
    taken = columns.take()
    assert {series.metric: [math.isnan(value) for value in series.values] for series in taken.series} == {
        "a": [False, True, False],
        "b": [True, False, True],
    }
    assert len(columns) == 0
    assert not columns.take().series


def test_columns_take_no_more_than_a_batch_may_hold():
    columns = Columns()
    columns.add(1, {f"m{i}": 1.0 for i in range(MAX_METRICS)})
    assert columns.takes({"m1": 1.0})
    assert not columns.takes({"another": 1.0})
    row = {f"m{i}": 1.0 for i in range(MAX_METRICS)}
    while columns.takes(row):
        columns.add(1, row)
    assert len(columns) < MAX_ROWS
    assert columns.take().ByteSize() < 4 * 1024 * 1024


def test_backoff_is_spread_over_all_of_its_window():
    waits = []
    for seed in range(2000):
        backoff = Backoff(random.Random(seed))
        waits.append([backoff.next(cap=30) for _ in range(8)])
    for attempt, window in enumerate((1, 2, 4, 8, 16, 30, 30, 30)):
        column = [wait[attempt] for wait in waits]
        assert max(column) <= window
        assert sum(column) / len(column) == pytest.approx(window / 2, rel=0.1)


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host", "http://", "http://host/path", "http://host:port"])
async def test_a_url_that_names_no_server_is_refused(url):
    with pytest.raises(ValueError, match=r"URL|Port|port"):
        open_channel(url)
