"""Batches of protobuf as columns, and which of their rows may be stored."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from fieldstock.telemetry.v1 import reading_pb2
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import Frame
from telemetry_svc.ingest.admission import Limits, admit
from telemetry_svc.ingest.intake import COLUMN_BYTES, REFUSAL_BYTES, Intake, Refusal
from telemetry_svc.ingest.wire import read

NOW_MS = 1_800_000_000_000
Make = Callable[..., Any]


class Sender:
    def __init__(self, own_device: int = 0) -> None:
        self.own_device = own_device


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    for device_id, status in enumerate(Status):
        if status:
            fleet.place(device_id, status, device_type="sensor", version=1, since_ms=1)
    for device_id in range(7, 20):
        fleet.place(device_id, Status.DEPLOYED, device_type="sensor", version=1, since_ms=1)
    return fleet


def take(fleet: Fleet, *batches: tuple[Sender, Any]) -> tuple[list[Frame], list[Refusal]]:
    """What becomes of batches that come together."""
    intake = Intake()
    for sender, batch in batches:
        intake.add(read(batch.SerializeToString()), sender)
    frames, refusals = [], list(intake.refusals)
    for section in intake.sections.values():
        admitted = admit(section, fleet, Limits(), NOW_MS)
        frames.append(admitted.frame)
        refusals += admitted.refusals
    return frames, refusals


def reasons(refusals: list[Refusal]) -> list[tuple[str, int]]:
    return [(refusal.reason, refusal.rows) for refusal in refusals]


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_batches_of_one_set_of_metrics_become_one_frame_whatever_their_order(
    fleet: Fleet, batch: Make, rows: int
) -> None:
    times = [NOW_MS + row for row in range(rows)]
    values = [float(row) for row in range(rows)]
    (frame,), refusals = take(
        fleet,
        (Sender(), batch(1, times, device=7, a=values, b=[0.5] * rows)),
        (Sender(), batch(1, [NOW_MS], device=[8], b=[2.5], a=[float("nan")])),
        (Sender(9), batch(1, times, b=values, a=[1.5] * rows)),
    )
    assert refusals == []
    assert frame.device.tolist() == [7] * rows + [8] + [9] * rows
    assert frame.time_ms.tolist() == [*times, NOW_MS, *times]
    np.testing.assert_array_equal(frame.values["a"], [*values, np.nan, *[1.5] * rows])
    assert frame.values["b"].tolist() == [*[0.5] * rows, 2.5, *values]
    assert frame.received_ms == NOW_MS


def test_other_sets_of_metrics_are_other_frames(fleet: Fleet, batch: Make) -> None:
    frames, _ = take(
        fleet,
        (Sender(), batch(1, [NOW_MS], device=7, a=[1])),
        (Sender(), batch(1, [NOW_MS], device=7, a=[1], b=[2])),
    )
    assert [sorted(frame.values) for frame in frames] == [["a"], ["a", "b"]]


@pytest.mark.parametrize(
    "wrong, rows, why",
    [
        ({"times": [], "a": []}, 1, "it has no rows"),
        ({"times": [NOW_MS] * 2, "a": [1, 2], "b": [1]}, 2, "its columns are not equally long"),
        ({"times": [NOW_MS], "a": [1, 2, 3]}, 3, "its columns are not equally long"),
        ({"times": [NOW_MS] * 3, "device": [7, 8], "a": [1, 2, 3]}, 3, "2 device ids for 3 rows"),
        ({"times": [NOW_MS], "device": [], "a": [1]}, 1, "it names no device"),
        ({"times": [NOW_MS]}, 1, "it has no metrics"),
        ({"times": [NOW_MS], **{f"m{i}": [1] for i in range(65)}}, 1, "it has more than 64 metrics"),
        ({"times": [NOW_MS] * 10_001, "a": [1] * 10_001}, 10_001, "10001 rows are more than 10000"),
    ],
)
def test_a_batch_that_is_no_rectangle_is_refused_whole(
    fleet: Fleet, batch: Make, wrong: dict[str, Any], rows: int, why: str
) -> None:
    times = wrong.pop("times")
    frames, refusals = take(fleet, (Sender(), batch(4, times, **{"device": 7, **wrong})))
    assert reasons(refusals) == [("INVALID_BATCH", rows)]
    assert refusals[0].message == f"Batch 4: {why}"
    assert sum(map(len, frames)) == 0


@pytest.mark.parametrize("name", ["", "Temperature", "1st", "a b", "a" * 65, "ä", "$where", "a.b"])
def test_a_metric_that_is_no_name_is_refused(fleet: Fleet, batch: Make, name: str) -> None:
    _, refusals = take(fleet, (Sender(), batch(1, [NOW_MS], device=7, **{name: [1]})))
    assert reasons(refusals) == [("INVALID_METRIC", 1)]


def test_a_name_of_megabytes_is_not_told_back_whole(fleet: Fleet, batch: Make) -> None:
    _, refusals = take(fleet, (Sender(), batch(1, [NOW_MS], device=7, **{"X" * 1_000_000: [1]})))
    assert len(refusals[0].message) < 200


def test_two_million_series_hold_nobody_up(fleet: Fleet, batch: Make) -> None:
    bomb = reading_pb2.ReadingBatch.FromString(b"\x22\x00" * 2_000_000)
    started = perf_counter()
    _, refusals = take(fleet, (Sender(), bomb))
    assert perf_counter() - started < 3
    assert refusals[0].message == "Batch 0: it has more than 64 metrics"


def test_a_metric_that_comes_twice_is_refused(fleet: Fleet, batch: Make) -> None:
    twice = batch(1, [NOW_MS], device=7, a=[1])
    twice.series.add(metric="a", values=[2])
    _, refusals = take(fleet, (Sender(), twice))
    assert reasons(refusals) == [("INVALID_BATCH", 1)]


@pytest.mark.parametrize(
    "device, reason",
    [
        (-1, "UNKNOWN_DEVICE"),
        (0, "UNKNOWN_DEVICE"),
        (2_000_000_000, "UNKNOWN_DEVICE"),
        (6, "UNKNOWN_DEVICE"),
        (int(Status.IN_STOCK), "DEVICE_NOT_DEPLOYED"),
        (int(Status.RESERVED), "DEVICE_NOT_DEPLOYED"),
        (int(Status.RETIRED), "DEVICE_NOT_DEPLOYED"),
    ],
)
def test_rows_of_devices_that_may_not_send_are_refused_and_the_others_stay(
    fleet: Fleet, batch: Make, device: int, reason: str
) -> None:
    (frame,), refusals = take(fleet, (Sender(), batch(1, [NOW_MS] * 3, device=[7, device, 8], a=[1, 2, 3])))
    assert reasons(refusals) == [(reason, 1)]
    assert str(device) in refusals[0].message
    assert frame.device.tolist() == [7, 8]
    assert frame.values["a"].tolist() == [1, 3]


def test_devices_in_maintenance_may_send(fleet: Fleet, batch: Make) -> None:
    (frame,), refusals = take(fleet, (Sender(), batch(1, [NOW_MS], device=int(Status.MAINTENANCE), a=[1])))
    assert (len(frame), refusals) == (1, [])


def test_a_device_speaks_for_itself_alone(fleet: Fleet, batch: Make) -> None:
    (frame,), refusals = take(
        fleet,
        (Sender(7), batch(1, [NOW_MS] * 3, device=[7, 8, 2_000_000_000], a=[1, 2, 3])),
        (Sender(), batch(1, [NOW_MS], device=8, a=[4])),
    )
    assert reasons(refusals) == [("NOT_OWN_DEVICE", 2)]
    assert frame.values["a"].tolist() == [1, 4]


@pytest.mark.parametrize("ahead_ms, reason", [(300_001, "TIME_IN_FUTURE"), (-86_400_001, "TIME_TOO_OLD")])
def test_times_too_far_from_now_are_refused(fleet: Fleet, batch: Make, ahead_ms: int, reason: str) -> None:
    edge = ahead_ms - 1 if ahead_ms > 0 else ahead_ms + 1
    (frame,), refusals = take(fleet, (Sender(7), batch(1, [NOW_MS + ahead_ms, NOW_MS + edge], a=[1, 2])))
    assert reasons(refusals) == [(reason, 1)]
    assert frame.time_ms.tolist() == [NOW_MS + edge]


@pytest.mark.parametrize("time_ms", [-1, -(2**63), 2**63 - 1])
def test_times_that_are_nonsense_are_refused(fleet: Fleet, batch: Make, time_ms: int) -> None:
    (frame,), refusals = take(fleet, (Sender(7), batch(1, [time_ms], a=[1])))
    assert (len(frame), len(refusals)) == (0, 1)


def test_infinities_and_rows_of_gaps_alone_are_refused_and_gaps_are_not(fleet: Fleet, batch: Make) -> None:
    gap, infinite = float("nan"), float("inf")
    (frame,), refusals = take(
        fleet,
        (
            Sender(7),
            batch(
                1, [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 3], a=[1, infinite, gap, gap], b=[gap, 1, -infinite, gap]
            ),
        ),
    )
    assert reasons(refusals) == [("INVALID_VALUE", 2), ("INVALID_VALUE", 1)]
    assert frame.time_ms.tolist() == [NOW_MS]


def test_rows_without_a_time_get_the_servers_each_its_own(fleet: Fleet, batch: Make) -> None:
    (frame,), _ = take(
        fleet,
        (Sender(), batch(1, [0, 0, NOW_MS - 5, 0], device=[7, 8, 7, 7], a=[1, 2, 3, 4])),
    )
    assert frame.time_ms.tolist() == [NOW_MS, NOW_MS, NOW_MS - 5, NOW_MS + 1]


def test_each_sender_learns_of_its_own_rows_and_a_row_counts_once(fleet: Fleet, batch: Make) -> None:
    one, other = Sender(), Sender()
    bad = float("inf")
    _, refusals = take(
        fleet,
        (one, batch(1, [NOW_MS, 1], device=[-1, 7], a=[bad, 1])),
        (other, batch(1, [NOW_MS, NOW_MS], device=[8, -1], a=[bad, 1])),
    )
    found = sorted((refusal.sender is one, refusal.reason, refusal.rows) for refusal in refusals)
    assert found == [
        (False, "INVALID_VALUE", 1),
        (False, "UNKNOWN_DEVICE", 1),
        (True, "TIME_TOO_OLD", 1),
        (True, "UNKNOWN_DEVICE", 1),
    ]


def test_refused_batches_and_ever_new_sets_of_metrics_fill_a_group_too(batch: Make) -> None:
    refused, sets = Intake(), Intake()
    for number in range(10):
        refused.add(read(batch(number, []).SerializeToString()), Sender(7))
        sets.add(read(batch(number, [NOW_MS], **{f"a_{number}": [1.0]}).SerializeToString()), Sender(7))
    assert len(refused.refusals) == 10
    assert refused.bytes == 10 * REFUSAL_BYTES
    assert sets.bytes >= 10 * COLUMN_BYTES
