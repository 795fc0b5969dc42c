"""Threshold rules, as pure functions of what they see."""

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import Frame
from telemetry_svc.watch.judge import Clearing, Judge, Opening
from telemetry_svc.watch.presence import Patience
from telemetry_svc.watch.rules import Direction, Excursion, Kind, Outcome, Rule, Severity, Threshold, step, words

HOT = Threshold("temperature", Direction.ABOVE, limit=85, clear_limit=80)
COLD = Threshold("temperature", Direction.BELOW, limit=5, clear_limit=8)


def outcomes(threshold: Threshold, *readings: tuple[int, float]) -> list[tuple[int, Outcome]]:
    """What became of readings (time, value) of one device, one after the other."""
    excursion: Excursion | None = None
    found: list[tuple[int, Outcome]] = []
    for time_ms, value in readings:
        excursion, outcome = step(threshold, excursion, time_ms, value)
        if outcome:
            found.append((time_ms, outcome))
    return found


def test_it_opens_beyond_the_limit_and_not_at_it() -> None:
    assert outcomes(HOT, (1, 85), (2, 85.1)) == [(2, Outcome.OPENED)]
    assert outcomes(COLD, (1, 5), (2, 4.9)) == [(2, Outcome.OPENED)]


def test_in_the_band_between_the_limits_nothing_flaps() -> None:
    assert outcomes(HOT, (1, 90), (2, 84), (3, 86), (4, 81), (5, 80)) == [(1, Outcome.OPENED), (5, Outcome.CLEARED)]
    assert outcomes(COLD, (1, 4), (2, 7), (3, 3), (4, 8)) == [(1, Outcome.OPENED), (4, Outcome.CLEARED)]


def test_it_waits_for_as_long_as_it_says_by_the_clock_of_the_device() -> None:
    slow = Threshold("temperature", Direction.ABOVE, 85, 85, for_ms=10_000)
    assert outcomes(slow, (0, 90), (9_999, 90), (10_000, 90)) == [(10_000, Outcome.OPENED)]
    assert outcomes(slow, (0, 90), (5_000, 85), (6_000, 90), (15_000, 90)) == []


def test_an_alert_says_since_when_the_condition_holds() -> None:
    slow = Threshold("temperature", Direction.ABOVE, 85, 85, for_ms=10)
    pending, _ = step(slow, None, 100, 90)
    opened, outcome = step(slow, pending, 110, 91)
    assert outcome is Outcome.OPENED
    assert opened == Excursion(100, opened=True)


def test_a_gap_changes_nothing() -> None:
    assert outcomes(HOT, (1, 90), (2, float("nan")), (3, 70)) == [(1, Outcome.OPENED), (3, Outcome.CLEARED)]


def test_what_is_older_than_an_open_alert_does_not_end_it() -> None:
    assert step(HOT, Excursion(100, opened=True), 99, 20) == (Excursion(100, opened=True), None)


def test_an_alert_in_words() -> None:
    assert words(HOT, 91.25) == "temperature 91.25 above 85"


class Watched:
    """A judge with a few devices and one rule."""

    def __init__(self, threshold: Threshold, **rule: object) -> None:
        self.fleet = Fleet()
        for device_id in range(1, 41):
            status = Status.MAINTENANCE if device_id > 30 else Status.DEPLOYED
            self.fleet.place(
                device_id, status, device_type="even" if device_id % 2 == 0 else "odd", version=1, since_ms=1
            )
        self.judge = Judge(self.fleet, Patience(60_000, 60_000))
        self.rule = Rule("r", 1, Kind.THRESHOLD, Severity.WARNING, threshold=threshold, **rule)  # pyright: ignore[reportArgumentType]
        self.judge.use([self.rule])

    def see(self, device: list[int], time_ms: list[int], values: list[float]) -> list[tuple[int, str, int]]:
        """(device, what, when) of each change."""
        columns = np.array(device, np.int32), np.array(time_ms, np.int64), {"temperature": np.array(values, float)}
        return [
            (change.device_id, "opened", change.opened_ms)
            if isinstance(change, Opening)
            else (change.device_id, "cleared", change.cleared_ms)
            for change in self.judge.see(Frame(*columns, received_ms=1))[0]
        ]


@pytest.mark.parametrize("for_ms", [0, 30])
@pytest.mark.parametrize("seed", range(5))
def test_looking_only_at_the_rows_that_matter_finds_what_looking_at_each_would(seed: int, for_ms: int) -> None:
    threshold = Threshold("temperature", Direction.ABOVE, 60, 55, for_ms)
    watched = Watched(threshold)
    random = np.random.default_rng(seed)
    excursions: dict[int, Excursion | None] = {}
    clock = np.zeros(31, np.int64)
    for _ in range(60):
        rows = int(random.integers(1, 50))
        device = random.integers(1, 31, rows)
        time_ms, values = np.empty(rows, np.int64), random.normal(50, 8, rows)
        for row in range(rows):
            clock[device[row]] += random.integers(1, 20)
            time_ms[row] = clock[device[row]]
        expected: list[tuple[int, str, int]] = []
        for row in np.lexsort((time_ms, device)).tolist():
            one = int(device[row])
            before = excursions.get(one)
            after, outcome = step(threshold, before, int(time_ms[row]), float(values[row]))
            excursions[one] = after
            if outcome is Outcome.OPENED:
                assert after
                expected.append((one, "opened", after.since_ms))
            elif outcome:
                expected.append((one, "cleared", int(time_ms[row])))
        shuffled = random.permutation(rows)
        found = watched.see(device[shuffled].tolist(), time_ms[shuffled].tolist(), values[shuffled].tolist())
        assert sorted(found) == sorted(expected)


def test_a_replay_changes_nothing() -> None:
    watched = Watched(HOT)
    rows = [1, 1, 2], [10, 20, 10], [90.0, 70.0, 90.0]
    assert watched.see(*rows) == [(1, "opened", 10), (1, "cleared", 20), (2, "opened", 10)]
    assert watched.see(*rows) == []


def test_a_rule_of_a_type_leaves_other_types_alone() -> None:
    watched = Watched(HOT, device_type="even")
    assert watched.see([1, 2], [10, 10], [90.0, 90.0]) == [(2, "opened", 10)]
    assert Watched(HOT, device_type="never seen").see([1, 2], [10, 10], [90.0, 90.0]) == []


def test_a_rule_of_one_device_leaves_others_alone() -> None:
    assert Watched(HOT, device_id=2).see([1, 2], [10, 10], [90.0, 90.0]) == [(2, "opened", 10)]


def test_a_device_in_maintenance_raises_no_alert() -> None:
    assert Watched(HOT).see([31, 30], [10, 10], [90.0, 90.0]) == [(30, "opened", 10)]


def test_what_was_received_before_a_rule_was_made_is_not_judged_by_it() -> None:
    assert Watched(HOT, since_ms=2).see([1], [10], [90.0]) == []


def test_a_changed_rule_begins_without_memory() -> None:
    watched = Watched(HOT)
    watched.see([1], [10], [90.0])
    watched.judge.use([Rule("r", 2, Kind.THRESHOLD, Severity.WARNING, threshold=HOT)])
    assert watched.see([1], [20], [90.0]) == [(1, "opened", 20)]


def test_an_alert_that_was_open_before_a_restart_is_cleared_after_it() -> None:
    watched = Watched(HOT)
    assert watched.judge.resume("r", 1, 1, Excursion(10, opened=True))
    assert not watched.judge.resume("r", 2, 2, Excursion(10, opened=True))
    assert watched.see([1, 2], [20, 20], [70.0, 70.0]) == [(1, "cleared", 20)]


def test_a_clearing_names_its_rule() -> None:
    watched = Watched(HOT)
    columns = np.array([1, 1], np.int32), np.array([1, 2], np.int64), {"temperature": np.array([90.0, 20.0])}
    (_, cleared), _ = watched.judge.see(Frame(*columns, received_ms=1))
    assert cleared == Clearing(watched.rule, 1, 2)
