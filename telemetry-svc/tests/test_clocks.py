"""How far the devices' clocks are off: measured, kept, shown; and what does not count."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from servicekit.access import Kind
from servicekit.testing import Issuer, eventually
from telemetry_svc.columns.clocks import MEMORY_MS, Clocks
from telemetry_svc.store import Store
from telemetry_svc.watch import owner

Make = Callable[..., Any]
# What a message may need on its way here, on a machine that is busy.
WAY_MS = 2_000


def hear(clocks: Clocks, received_ms: int, *messages: tuple[int, int]) -> None:
    """Messages of (device, ahead)."""
    device, ahead = zip(*messages, strict=True)
    clocks.hear(np.array(device, np.int32), np.array(ahead, np.int64), received_ms)


def test_of_messages_at_one_time_the_one_that_was_fastest_counts() -> None:
    clocks = Clocks(10)
    hear(clocks, 1_000, (1, -900), (2, 70), (1, -20), (1, -300), (2, 50))
    hear(clocks, 1_000, (2, 60))
    assert clocks.ahead_ms[[1, 2, 3]].tolist() == [-20, 70, 0]
    assert clocks.heard_ms[[1, 2, 3]].tolist() == [1_000, 1_000, 0]


def test_a_jam_of_seconds_is_no_skew_and_is_forgotten_with_the_next_fast_message() -> None:
    clocks = Clocks(10)
    hear(clocks, 1_000, (1, 500))
    for number in range(1, 1_001):
        hear(clocks, 1_000 + 10 * number, (1, -4_500))
    assert clocks.ahead_ms[1] == pytest.approx(500 - 5_000 * 10_000 / MEMORY_MS, abs=10)
    hear(clocks, 12_000, (1, 499))
    assert clocks.ahead_ms[1] == 499


def test_a_clock_that_was_set_is_followed() -> None:
    clocks = Clocks(10)
    hear(clocks, 1_000, (1, 0), (2, 60_000))
    for received_ms in range(2_000, 5 * MEMORY_MS, 1_000):
        hear(clocks, received_ms, (1, 60_000), (2, 0))
    assert clocks.ahead_ms[1] == 60_000
    assert clocks.ahead_ms[2] < 600


def test_what_is_older_than_the_last_changes_nothing() -> None:
    clocks = Clocks(10)
    hear(clocks, 2_000, (1, 10))
    hear(clocks, 1_999, (1, 9_000))
    clocks.restore(np.array([1, 2], np.int32), np.array([7.0, 8.0]), np.array([1_999, 50]))
    assert clocks.ahead_ms[[1, 2]].tolist() == [10, 8]


async def test_the_health_of_a_device_shows_how_far_its_clock_is_off(
    inventory: Any, device: Any, admin: Any, batch: Make, clock: Any
) -> None:
    await inventory.deploy(7, 8)
    await device.send(batch(1, [clock()], temperature=[1]))
    assert not (await admin.health(7)).HasField("clock_skew_ms")
    one = batch(2, [clock()], temperature=[1])
    one.sent_ms = clock() + 90_000
    await device.send(one)
    assert 90_000 - WAY_MS < (await admin.health(7)).clock_skew_ms <= 90_000
    assert not (await admin.health(8)).HasField("clock_skew_ms")


async def test_a_spool_that_is_drained_is_late_and_its_clock_is_not(
    inventory: Any, device: Any, admin: Any, batch: Make, clock: Any
) -> None:
    await inventory.deploy(7)
    now = clock()
    rows = [batch(sequence, [now - 86_400_000 + sequence], temperature=[1]) for sequence in range(1, 51)]
    for one in rows:
        one.sent_ms = clock()
    await device.send(*rows)
    assert -WAY_MS < (await admin.health(7)).clock_skew_ms <= 0


async def test_a_clock_that_is_too_far_off_for_its_readings_is_shown_all_the_more(
    inventory: Any, device: Any, admin: Any, batch: Make, clock: Any
) -> None:
    await inventory.deploy(7)
    begun = batch(1, [60_000], temperature=[1])
    begun.sent_ms = 61_000  # a minute after its clock began, in 1970
    assert [one.reason for one in (await device.send(begun)).rejections] == ["TIME_TOO_OLD"]
    years = (clock() - 61_000) / 1000
    assert (await admin.health(7)).clock_skew_ms / 1000 == pytest.approx(-years, abs=60)


async def test_nobody_tells_of_a_clock_that_is_not_its_own_devices(
    inventory: Any, device: Any, admin: Any, batch: Make, clock: Any
) -> None:
    await inventory.deploy(7, 8)
    foreign = batch(1, [clock(), clock()], device=[8, 2_000_000_000], temperature=[1, 1])
    foreign.sent_ms = clock() + 90_000
    assert (await device.send(foreign)).rejected_rows == 2
    assert not (await admin.health(8)).HasField("clock_skew_ms")


async def test_a_restart_keeps_what_is_known_of_clocks(
    start: Any, inventory: Any, issuer: Issuer, client: Make, batch: Make, store: Store, clock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(owner, "SAVE_SECONDS", 0.05)
    async with start() as channel:
        await inventory.deploy(7)
        one = batch(1, [clock()], temperature=[1])
        one.sent_ms = clock() - 45_000
        device = client(channel, issuer.metadata(Kind.DEVICE, 7))

        async def saved() -> bool:
            # What is heard before its owner begins to watch is forgotten then.
            await device.send(one)
            block = await store.states.find_one({"_id": 7})
            return bool(block and block["clocks"]["device"])

        await eventually(saved)
    async with start() as channel:
        admin = client(channel, issuer.metadata())

        async def known() -> bool:
            return (await admin.health(7)).HasField("clock_skew_ms")

        await eventually(known, 10)
        assert -45_000 - WAY_MS < (await admin.health(7)).clock_skew_ms <= -45_000
