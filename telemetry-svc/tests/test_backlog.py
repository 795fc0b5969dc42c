"""What is not folded yet, in numbers, as a recount gives it."""

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import PARTITIONS, Frame
from telemetry_svc.columns.narrow import Narrow
from telemetry_svc.columns.tally import Tally
from telemetry_svc.ingest.journal import Entry
from telemetry_svc.watch.backlog import LOOSE_ROWS, LOOSE_TALLIES, UNSURE_MS, Backlog, Limits

DEVICES = 300


@pytest.fixture
def fleet() -> Fleet:
    """Devices of three halls."""
    fleet = Fleet()
    for device in range(1, DEVICES + 1):
        fleet.place(device, Status.DEPLOYED, device_type="t", version=1, since_ms=0, location=f"hall {device % 3}")
    return fleet


def counts(tally: Tally) -> dict[tuple[str, int], tuple[int, float]]:
    """By location and minute: how many values, and the greatest."""
    rows = zip(tally.place.tolist(), tally.minute.tolist(), tally.count.tolist(), tally.most.tolist(), strict=True)
    return {(tally.places[place][1], minute): (count, most) for place, minute, count, most in rows}


class Recount:
    """The same, value by value."""

    def __init__(self) -> None:
        self._of: list[dict[tuple[str, int], tuple[int, float]]] = [{} for _ in range(PARTITIONS)]

    def add(self, frame: Frame) -> None:
        rows = zip(frame.device.tolist(), frame.time_ms.tolist(), frame.values["a"].tolist(), strict=True)
        for device, time_ms, value in rows:
            known = self._of[device % PARTITIONS]
            key = (f"hall {device % 3}", time_ms // 60_000)
            count, most = known.get(key, (0, -np.inf))
            known[key] = (count + 1, max(most, value))

    def take(self, partition: int) -> dict[tuple[str, int], tuple[int, float]]:
        taken, self._of[partition] = self._of[partition], {}
        return taken

    def of(self, partition: int) -> dict[tuple[str, int], tuple[int, float]]:
        return self._of[partition]


def test_what_is_pending_is_what_a_recount_gives_while_folds_begin_and_fail(fleet: Fleet) -> None:
    random, backlog, recount = np.random.default_rng(3), Backlog(fleet), Recount()
    for number in range(20 * LOOSE_TALLIES):
        rows = int(random.integers(1, 60))
        device = random.integers(1, DEVICES + 1, rows).astype(np.int32)
        time_ms = 1_700_000_000_000 + number * 20_000 + random.permutation(rows)
        frame = Frame(device, time_ms, {"a": random.normal(size=rows)}, 0)
        backlog.count(frame, {"a": np.ones(rows, bool)})
        recount.add(frame)
        partition = int(random.integers(PARTITIONS))
        if number % 7 == 0:
            cut = backlog.cut(partition)
            assert counts(backlog.pending(partition)) == {}
            if number % 2:
                backlog.restore(partition, cut)
                assert counts(backlog.pending(partition)) == recount.of(partition)
            else:
                assert counts(fleet.tallied(cut.pending)) == recount.take(partition)
        if number % 50 == 0:
            told = backlog.changes()
            assert {changed: counts(tally) for changed, tally in told.items()} == {one: recount.of(one) for one in told}
            assert not backlog.changes()
            backlog.tell_again(told)
            assert backlog.changes().keys() == told.keys()
    for partition in range(PARTITIONS):
        assert counts(backlog.pending(partition)) == recount.of(partition)
    backlog.forget(5)
    assert counts(backlog.pending(5)) == {}


def test_frames_of_other_metrics_are_counted_beside_each_other(fleet: Fleet) -> None:
    backlog = Backlog(fleet)
    device, time_ms = np.full(3, 5, np.int32), 1_700_000_000_000 + np.arange(3)
    for metrics in (("a",), ("b",), ("a", "b"), ("a",)):
        frame = Frame(device, time_ms, {metric: np.array([1.0, 2.0, 4.0]) for metric in metrics}, 0)
        backlog.count(frame, {metric: np.array([True, False, True]) for metric in metrics})
    assert {metric: (one.count, one.total) for metric, one in backlog.pending(5).numbers().items()} == {
        "a": (6, 15.0),
        "b": (4, 10.0),
    }


def test_what_nobody_asks_for_is_counted_once_it_is_much(fleet: Fleet) -> None:
    backlog = Backlog(fleet)
    rows = LOOSE_ROWS // 4
    for number in range(9):
        device = np.arange(rows, dtype=np.int32) % DEVICES + 1
        time_ms = 1_700_000_000_000 + (number * rows + np.arange(rows)) * 10
        backlog.count(Frame(device, time_ms, {"a": np.ones(rows)}, 0), {"a": np.ones(rows, bool)})
    counted = [backlog.pending(partition).numbers() for partition in range(PARTITIONS)]
    assert sum(one["a"].count for one in counted) == 9 * rows


def test_a_partition_with_rows_that_may_have_come_before_is_due_soon(fleet: Fleet) -> None:
    backlog, limits = Backlog(fleet), Limits(rows=1_000, age_ms=60_000)
    for device, news in ((5, False), (6, True)):
        frame = Frame(np.array([device], np.int32), np.array([1_700_000_000_000]), {"a": np.ones(1)}, 0)
        backlog.see((b"w", device), {device: 1}, now_ms=0)
        backlog.count(frame, {"a": np.array([news])})
    assert backlog.due(UNSURE_MS - 1, limits) == []
    assert backlog.due(UNSURE_MS, limits) == [5]
    assert sorted(backlog.due(60_000, limits)) == [5, 6]


@pytest.mark.parametrize(("second_at", "due"), [(0, [5]), (100, [])])
def test_a_device_that_comes_twice_in_a_frame_may_have_said_something_twice(
    fleet: Fleet, second_at: int, due: list[int]
) -> None:
    backlog, limits = Backlog(fleet), Limits(rows=1_000, age_ms=60_000)
    device = np.repeat(np.array([5, 6, 5], np.int32), 20)
    time_ms = 1_700_000_000_000 + np.tile(np.arange(20), 3) + np.repeat([0, 0, second_at], 20)
    backlog.see((b"w", 1), {5: 40, 6: 20}, now_ms=0)
    backlog.count(Frame(device, time_ms, {"a": np.ones(60)}, 0), {"a": np.ones(60, bool)})
    assert [one for one in backlog.due(UNSURE_MS, limits) if one == 5] == due


def entry(number: int, times: list[int]) -> Entry:
    frame = Frame(np.full(len(times), 7, np.int32), np.array(times), {"a": np.full(len(times), 20.0)}, 0)
    return Entry(7, (b"w", number), 0, [Narrow.of(frame).to_binary()])


def test_what_is_seen_while_a_fold_runs_is_for_the_next_one() -> None:
    backlog = Backlog(Fleet())
    before, since = entry(1, [1, 2]), entry(2, [3])
    backlog.see(before.group, {7: len(before)}, 0)
    cut = backlog.cut(7)
    backlog.see(since.group, {7: len(since)}, 0)
    backlog.doubt(7)
    backlog.folded(7, cut, [before], 0, all_of_it=True)
    assert (backlog.groups(7), backlog.rows) == ({since.group}, 1)
    # Due before it is old: it may be counted wrongly.
    assert backlog.due(5_000, Limits(rows=100, age_ms=300_000)) == [7]


def test_what_a_fold_had_folded_without_knowing_is_not_waited_for() -> None:
    backlog = Backlog(Fleet())
    one = entry(1, [1, 2])
    backlog.see(one.group, {7: len(one)}, 0)
    backlog.restore(7, backlog.cut(7))
    # It was committed all the same: nothing of it is in the journal any more.
    backlog.folded(7, backlog.cut(7), [], 0, all_of_it=True)
    assert (backlog.groups(7), backlog.rows) == (set(), 0)
