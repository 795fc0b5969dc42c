"""Who is heard of, as a pure function of columns."""

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Presence, Status
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.watch.judge import SWEPT_AT_ONCE, Clearing, Judge, Opening
from telemetry_svc.watch.presence import Patience, judge
from telemetry_svc.watch.rules import Excursion, Kind, Rule, Severity

PATIENCE = Patience(silence_ms=60_000, grace_ms=300_000)
DEPLOYED_MS = 1_000_000
MINE = np.ones(PARTITIONS, bool)
OFFLINE = Rule("offline", 1, Kind.OFFLINE, Severity.WARNING)


@pytest.fixture
def fleet() -> Fleet:
    """Device 1, just deployed."""
    fleet = Fleet()
    fleet.place(1, Status.DEPLOYED, device_type="sensor", version=1, since_ms=DEPLOYED_MS)
    return fleet


@pytest.fixture
def rules(fleet: Fleet) -> Judge:
    """With the rule of silence alone."""
    rules = Judge(fleet, PATIENCE)
    rules.use([OFFLINE])
    return rules


def look(fleet: Fleet, now_ms: int, healthy_since_ms: int | None = 0) -> tuple[list[int], list[int]]:
    came, went = judge(fleet, PATIENCE, now_ms, healthy_since_ms, MINE)
    return came.tolist(), went.tolist()


def test_a_device_comes_online_with_its_first_reading_once(fleet: Fleet) -> None:
    assert look(fleet, DEPLOYED_MS + 1) == ([], [])
    fleet.last_seen_ms[1] = DEPLOYED_MS + 500
    assert look(fleet, DEPLOYED_MS + 1_000) == ([1], [])
    assert look(fleet, DEPLOYED_MS + 2_000) == ([], [])
    assert fleet.presence[1] == Presence.ONLINE


def test_a_device_that_was_just_deployed_has_time_to_be_switched_on(fleet: Fleet) -> None:
    assert look(fleet, DEPLOYED_MS + 300_000) == ([], [])
    assert look(fleet, DEPLOYED_MS + 300_001) == ([], [1])


def test_a_device_that_falls_silent_goes_offline_once(fleet: Fleet) -> None:
    seen_ms = DEPLOYED_MS + 400_000
    fleet.last_seen_ms[1] = seen_ms
    look(fleet, seen_ms)
    assert look(fleet, seen_ms + 60_000) == ([], [])
    assert look(fleet, seen_ms + 60_001) == ([], [1])
    assert look(fleet, seen_ms + 60_002) == ([], [])


def test_silence_says_nothing_while_ingest_is_not_healthy(fleet: Fleet) -> None:
    late_ms = DEPLOYED_MS + 10_000_000
    assert look(fleet, late_ms, healthy_since_ms=None) == ([], [])
    assert look(fleet, late_ms, healthy_since_ms=late_ms - 60_000) == ([], [])
    assert look(fleet, late_ms, healthy_since_ms=late_ms - 60_001) == ([], [1])


def test_a_device_that_leaves_the_field_goes_offline_at_once(fleet: Fleet) -> None:
    fleet.last_seen_ms[1] = DEPLOYED_MS
    look(fleet, DEPLOYED_MS + 1)
    fleet.place(1, Status.IN_STOCK, device_type="sensor", version=2, since_ms=DEPLOYED_MS + 2)
    assert look(fleet, DEPLOYED_MS + 3, healthy_since_ms=None) == ([], [1])


def test_a_device_in_stock_is_not_missed(fleet: Fleet) -> None:
    fleet.place(1, Status.IN_STOCK, device_type="sensor", version=2, since_ms=DEPLOYED_MS)
    assert look(fleet, DEPLOYED_MS + 10_000_000) == ([], [])


def test_the_alert_of_silence_opens_when_the_time_is_over_and_clears_with_the_next_reading(
    fleet: Fleet, rules: Judge
) -> None:
    seen_ms = DEPLOYED_MS + 400_000
    fleet.last_seen_ms[1] = seen_ms
    look(fleet, seen_ms + 1)
    assert rules.sweep(seen_ms + 1, MINE) == []
    look(fleet, seen_ms + 61_000)
    assert rules.sweep(seen_ms + 61_000, MINE) == [
        Opening(OFFLINE, 1, 1, opened_ms=seen_ms + 60_000, value=61.0, message="silent for more than 60 s")
    ]
    assert rules.sweep(seen_ms + 62_000, MINE) == []
    fleet.last_seen_ms[1] = seen_ms + 70_000
    look(fleet, seen_ms + 70_500)
    assert rules.sweep(seen_ms + 70_500, MINE) == [Clearing(OFFLINE, 1, seen_ms + 70_000)]


def test_an_alert_of_silence_does_not_end_because_an_older_state_says_online(fleet: Fleet, rules: Judge) -> None:
    seen_ms = DEPLOYED_MS + 400_000
    # As a new owner finds them: the state was saved before the alert opened.
    fleet.last_seen_ms[1] = seen_ms
    fleet.presence[1] = Presence.ONLINE
    rules.resume("offline", 1, 1, Excursion(seen_ms + 60_000, opened=True))
    look(fleet, seen_ms + 70_000, healthy_since_ms=seen_ms + 65_000)
    assert rules.sweep(seen_ms + 70_000, MINE) == []
    fleet.last_seen_ms[1] = seen_ms + 71_000
    look(fleet, seen_ms + 72_000, healthy_since_ms=seen_ms + 65_000)
    assert rules.sweep(seen_ms + 72_000, MINE) == [Clearing(OFFLINE, 1, seen_ms + 71_000)]


def test_a_device_in_maintenance_may_be_silent(fleet: Fleet, rules: Judge) -> None:
    fleet.place(1, Status.MAINTENANCE, device_type="sensor", version=2, since_ms=DEPLOYED_MS)
    assert look(fleet, DEPLOYED_MS + 10_000_000) == ([], [1])
    assert rules.sweep(DEPLOYED_MS + 10_000_000, MINE) == []


def test_a_device_that_comes_back_to_the_field_has_time_to_speak(fleet: Fleet, rules: Judge) -> None:
    fleet.place(1, Status.MAINTENANCE, device_type="sensor", version=2, since_ms=DEPLOYED_MS)
    assert look(fleet, DEPLOYED_MS + 10_000_000) == ([], [1])
    back_ms = DEPLOYED_MS + 20_000_000
    fleet.place(1, Status.DEPLOYED, device_type="sensor", version=3, since_ms=back_ms)
    look(fleet, back_ms + 1_000)
    assert rules.sweep(back_ms + 1_000, MINE) == []
    look(fleet, back_ms + 300_001)
    (opening,) = rules.sweep(back_ms + 300_001, MINE)
    assert isinstance(opening, Opening)
    assert opening.opened_ms == back_ms + 300_000


def test_a_million_devices_are_judged_in_an_instant() -> None:
    fleet = Fleet()
    fleet.place(1_000_000, Status.DEPLOYED, device_type="sensor", version=1, since_ms=1)
    fleet.status[1:1_000_000] = Status.DEPLOYED
    fleet.last_seen_ms[:500_000] = DEPLOYED_MS
    came, went = judge(fleet, PATIENCE, DEPLOYED_MS + 1, 0, MINE)
    assert len(came) == 499_999
    assert len(went) == 500_001
    assert np.count_nonzero(fleet.presence == Presence.OFFLINE) == 500_001


def test_the_alerts_of_a_fleet_that_falls_silent_and_comes_back_are_spread_over_sweeps(
    fleet: Fleet, rules: Judge
) -> None:
    devices = SWEPT_AT_ONCE + 10
    for device_id in range(1, 1 + devices):
        fleet.place(device_id, Status.DEPLOYED, device_type="sensor", version=1, since_ms=DEPLOYED_MS)
    seen_ms = DEPLOYED_MS + 400_000
    fleet.last_seen_ms[1 : 1 + devices] = seen_ms
    look(fleet, seen_ms)
    for now_ms, kind in ((seen_ms + 61_000, Opening), (seen_ms + 70_000, Clearing)):
        if kind is Clearing:
            fleet.last_seen_ms[1 : 1 + devices] = now_ms
        look(fleet, now_ms)
        found = [rules.sweep(now_ms + sweep, MINE) for sweep in range(3)]
        assert [len(changes) for changes in found] == [SWEPT_AT_ONCE, 10, 0]
        assert {type(change) for changes in found for change in changes} == {kind}
        assert {change.device_id for changes in found for change in changes} == set(range(1, 1 + devices))
