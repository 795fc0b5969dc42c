"""What a replica heard of the clocks of others' devices, on a real MongoDB."""

from typing import Any

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.store import Store
from telemetry_svc.watch.hearsay import Hearsay

NONE, ALL = np.zeros(PARTITIONS, bool), np.ones(PARTITIONS, bool)


@pytest.fixture
def fleet() -> Fleet:
    return _fleet(7, 8)


def _fleet(*devices: int) -> Fleet:
    fleet = Fleet()
    for device in devices:
        fleet.place(device, Status.DEPLOYED, device_type="", version=1, since_ms=0)
    return fleet


def _hear(fleet: Fleet, device: int, ahead_ms: int, received_ms: int) -> None:
    fleet.hear_clocks(np.array([device], np.int32), np.array([ahead_ms]), received_ms)


async def test_whoever_watches_a_device_hears_what_another_replica_heard(store: Store, fleet: Fleet, clock: Any):
    watching = _fleet(7)  # it has not heard of 8 yet
    receiver, watcher = Hearsay(store.heard, fleet, clock), Hearsay(store.heard, watching, clock)
    _hear(fleet, 7, 90_000, 1_000)
    _hear(fleet, 8, 5, 1_001)
    await receiver.tell(NONE)
    await watcher.learn(ALL)
    assert (watching.clocks.ahead_ms[7], watching.clocks.heard_ms[7]) == (90_000, 1_000)
    assert not watching.clocks.heard_ms[8]
    # So that it is saved.
    assert np.flatnonzero(watching.dirty).tolist() == [7]

    clock.move(1)
    _hear(fleet, 7, 95_000, 2_000)
    await receiver.tell(NONE)
    await watcher.learn(ALL)
    assert watching.clocks.ahead_ms[7] == 95_000


async def test_what_is_older_than_what_the_watcher_heard_itself_changes_nothing(store: Store, fleet: Fleet, clock: Any):
    watching = _fleet(7)
    _hear(fleet, 7, 90_000, 1_000)
    await Hearsay(store.heard, fleet, clock).tell(NONE)
    _hear(watching, 7, 3, 2_000)
    await Hearsay(store.heard, watching, clock).learn(ALL)
    assert watching.clocks.ahead_ms[7] == 3


async def test_of_ones_own_devices_and_of_what_was_told_nothing_is_said(store: Store, fleet: Fleet, clock: Any):
    hearsay = Hearsay(store.heard, fleet, clock)
    _hear(fleet, 7, 90_000, 1_000)
    await hearsay.tell(ALL)
    assert not await store.heard.count_documents({})
    await hearsay.tell(NONE)
    await store.heard.delete_many({})
    await hearsay.tell(NONE)
    assert not await store.heard.count_documents({})
