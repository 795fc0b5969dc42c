"""What is known of each device."""

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import Frame

LATEST = 300_500


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    for device_id in range(1, 6):
        fleet.place(device_id, Status.DEPLOYED, device_type="sensor", version=1, since_ms=1_000)
    return fleet


def frame(*rows: tuple[int, int, float], received_ms: int = 9_000) -> Frame:
    """Rows of (device, time, temperature)."""
    device, time_ms, values = zip(*rows, strict=True)
    return Frame(np.array(device, np.int32), np.array(time_ms), {"temperature": np.array(values, float)}, received_ms)


def latest(fleet: Fleet, device_id: int) -> tuple[float, int]:
    column = fleet.latest["temperature"]
    return float(column.value[device_id]), int(column.time_ms[device_id])


def test_ids_that_inventory_never_told_of_are_unknown_and_make_nothing_grow(fleet: Fleet) -> None:
    capacity = fleet.capacity
    found = fleet.statuses(np.array([-1, 0, 3, 99, 2_000_000_000], np.int32))
    assert found.tolist() == [0, 0, Status.DEPLOYED, 0, 0]
    assert fleet.status_of(-1) is fleet.status_of(2_000_000_000) is Status.UNKNOWN
    assert fleet.capacity == capacity


def test_an_older_version_of_a_device_changes_nothing(fleet: Fleet) -> None:
    assert fleet.place(1, Status.IN_STOCK, device_type="sensor", version=5, since_ms=2_000)
    assert not fleet.place(1, Status.DEPLOYED, device_type="sensor", version=4, since_ms=3_000)
    assert fleet.status_of(1) is Status.IN_STOCK
    assert fleet.since_ms[1] == 2_000


def test_a_new_version_in_the_same_status_keeps_the_time_since_when_it_has_it(fleet: Fleet) -> None:
    assert not fleet.place(1, Status.DEPLOYED, device_type="pump", version=2, since_ms=7_000)
    assert fleet.since_ms[1] == 1_000
    assert fleet.type[1] == fleet.types["pump"]


def test_a_device_that_went_and_came_back_unheard_has_come_anew(fleet: Fleet) -> None:
    assert not fleet.place(1, Status.DEPLOYED, device_type="sensor", version=2, since_ms=1_000, anew=True)
    assert fleet.place(1, Status.DEPLOYED, device_type="sensor", version=4, since_ms=3_000, anew=True)
    assert fleet.since_ms[1] == 3_000


def test_growing_keeps_what_is_known(fleet: Fleet) -> None:
    fleet.apply(frame((2, 100, 20.5)))
    fleet.place(100_000, Status.RETIRED, device_type="sensor", version=1, since_ms=1)
    assert fleet.status_of(2) is Status.DEPLOYED
    assert latest(fleet, 2) == (20.5, 100)
    assert fleet.status_of(100_000) is Status.RETIRED


def test_the_newest_value_stays_whatever_the_order_and_late_ones_are_no_news(fleet: Fleet) -> None:
    news = fleet.apply(frame((1, 300, 3.0), (1, 100, 1.0), (2, 50, 5.0), (1, 200, 2.0)))
    assert news["temperature"].tolist() == [True] * 4
    assert latest(fleet, 1) == (3.0, 300)
    assert fleet.apply(frame((1, 299, 9.0), (2, 51, 6.0)))["temperature"].tolist() == [False, True]
    assert latest(fleet, 1) == (3.0, 300)
    assert latest(fleet, 2) == (6.0, 51)


def test_of_the_same_cell_the_first_one_stays(fleet: Fleet) -> None:
    fleet.apply(frame((1, 100, 1.0), (1, 100, 2.0)))
    fleet.apply(frame((1, 100, 3.0)))
    assert latest(fleet, 1) == (1.0, 100)


@pytest.mark.parametrize("kind", ["in order", "backwards", "twice", "gaps", "shuffled", "two runs each"])
def test_a_devices_rows_one_after_the_other_say_what_they_say_one_by_one(fleet: Fleet, kind: str) -> None:
    random = np.random.default_rng(7)
    known: dict[int, tuple[float, int]] = dict.fromkeys(range(1, 6), (0.0, 0))
    for start in (1_000, 1_050, 900, 2_000):
        device = np.repeat(np.array([4, 2, 5, 1], np.int32), 25)
        time_ms = start + np.tile(np.arange(25), 4) + device
        values = random.normal(size=100)
        if kind == "backwards":
            time_ms = time_ms[::-1].copy()
        elif kind == "twice":
            time_ms[10:20] = time_ms[10]
        elif kind == "gaps":
            values[[3, 24, 99]] = np.nan
        elif kind == "shuffled":
            order = random.permutation(100)
            device, time_ms = device[order], time_ms[order]
        elif kind == "two runs each":
            device = np.tile(device[::2], 2)
        rows = Frame(device, time_ms, {"temperature": values}, 9_000)
        assert (rows.runs() is None) == (kind in ("backwards", "twice", "shuffled"))
        before = dict(known)
        for one, at, value in zip(device.tolist(), time_ms.tolist(), values.tolist(), strict=True):
            if value == value and at > known[one][1]:
                known[one] = value, at
        wanted = [
            value == value and at > before[one][1]
            for one, at, value in zip(device.tolist(), time_ms.tolist(), values.tolist(), strict=True)
        ]
        assert fleet.apply(rows)["temperature"].tolist() == wanted
        assert {one: latest(fleet, one) for one in known} == known
        assert np.flatnonzero(fleet.last_seen_ms).tolist() == [1, 2, 4, 5]
        assert np.flatnonzero(fleet.dirty).tolist() == [1, 2, 4, 5]


def test_applying_twice_changes_nothing(fleet: Fleet) -> None:
    rows = frame((1, 300, 3.0), (2, 100, 1.0), (2, 400, np.nan))
    fleet.apply(rows)
    before = [latest(fleet, device_id) for device_id in (1, 2)], fleet.last_seen_ms.tolist()
    assert not fleet.apply(rows)["temperature"].any()
    assert ([latest(fleet, device_id) for device_id in (1, 2)], fleet.last_seen_ms.tolist()) == before


def test_a_gap_is_no_value_but_the_device_was_heard_of(fleet: Fleet) -> None:
    fleet.apply(frame((1, 100, np.nan)))
    assert latest(fleet, 1) == (0.0, 0)
    assert fleet.last_seen_ms[1] == 9_000


def test_server_times_are_never_given_twice_to_a_device(fleet: Fleet) -> None:
    devices = np.array([1, 2, 1, 1], np.int32)
    assert fleet.stamp(devices, 500, LATEST).tolist() == [500, 500, 501, 502]
    assert fleet.stamp(devices, 501, LATEST).tolist() == [503, 501, 504, 505]
    assert fleet.stamp(devices[:0], 501, LATEST).tolist() == []
    assert fleet.stamp_one(2, 400, LATEST) == 502


def test_server_times_do_not_run_away_from_the_clock(fleet: Fleet) -> None:
    devices = np.array([1, 1, 1, 1], np.int32)
    assert fleet.stamp(devices, 500, 502).tolist() == [500, 501, 502, 503]
    assert fleet.stamp(devices[:1], 501, 503).tolist() == [503]
