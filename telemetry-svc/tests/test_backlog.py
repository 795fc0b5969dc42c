"""What is not folded yet, in numbers, as a recount gives it."""

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import PARTITIONS, Frame
from telemetry_svc.columns.tally import Tally
from telemetry_svc.watch.backlog import LOOSE_TALLIES, Backlog

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
