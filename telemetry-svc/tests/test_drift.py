"""Devices that ask for a token while they are not in the field; and events that come twice, in any order."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fieldstock.auth.v1 import events_pb2 as auth_events_pb2
from fieldstock.inventory.v1 import device_pb2, events_pb2
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import eventually
from telemetry_svc.clock import moment, system
from telemetry_svc.store import Store
from telemetry_svc.watch.drift import GRACE


def refusal(device_id: int, when: datetime, status: str = "in_stock") -> Event:
    refused = auth_events_pb2.CredentialRefused(device_id=device_id, serial_number="S", device_status=status)
    refused.refused_at.FromDatetime(when)
    return Event.of("auth.credential.refused", refused)


def lately() -> datetime:
    """So long ago that what would explain it has come."""
    return datetime.now(UTC) - GRACE


async def handled(store: Store, broker: Broker, number: int) -> None:
    """Waits until all that was published before is handled: a device that is told of behind it is stored, and a second
    one that was published after that, so that it is not handled together with any of them."""
    for version in (1, 2):
        device = device_pb2.Device(id=number, name="last", type="t", status="in_stock", version=version)
        await broker.publish(Event.of("inventory.device.registered", events_pb2.DeviceChanged(device=device)))
        stored = {"_id": number, "version": version}
        await eventually(lambda stored=stored: store.devices.find_one(stored))


async def test_a_device_in_stock_that_shows_its_secret_raises_one_alert(
    inventory: Any, admin: Any, broker: Broker, store: Store
) -> None:
    await inventory.tell(7, "in_stock", key="registered")
    for _ in range(3):
        await broker.publish(refusal(7, lately()))
    await handled(store, broker, 99)
    (alert,) = await admin.alerts(state="all")
    assert (alert.kind, alert.severity, alert.device_id, alert.device_name) == ("drift", "warning", 7, "Device 7")
    assert (alert.message, alert.version) == ("asked for a token while in stock", 1)
    assert (await admin.health(7)).severity == "warning"


async def test_it_ends_when_the_device_is_deployed(inventory: Any, admin: Any, broker: Broker) -> None:
    await inventory.tell(7, "in_stock", key="registered")
    await broker.publish(refusal(7, lately()))
    await admin.alert()
    await inventory.tell(7, "reserved")
    assert await admin.alerts()
    await inventory.deploy(7)
    assert (await admin.alert(state="resolved")).resolved_because == "condition_cleared"


async def test_it_ends_a_day_after_the_last_refusal(
    inventory: Any, admin: Any, broker: Broker, clock: Any, store: Store
) -> None:
    await inventory.tell(7, "in_stock", key="registered")
    await broker.publish(refusal(7, moment(clock()) - GRACE))
    await admin.alert()
    clock.move(20 * 3600)
    await broker.publish(refusal(7, moment(clock()) - GRACE))
    await handled(store, broker, 99)
    clock.move(20 * 3600)
    await broker.publish(refusal(8, moment(clock()) - GRACE))
    await eventually(lambda: admin.alerts(device_id=8))
    assert await admin.alerts(device_id=7)
    clock.move(5 * 3600)
    assert (await admin.alert(state="resolved")).device_id == 7


async def test_one_that_was_resolved_by_hand_stays_mute(
    inventory: Any, admin: Any, broker: Broker, store: Store
) -> None:
    await inventory.tell(7, "in_stock", key="registered")
    await broker.publish(refusal(7, lately()))
    await admin.resolve((await admin.alert()).id)
    await broker.publish(refusal(7, lately()))
    await handled(store, broker, 99)
    assert await admin.alerts() == []


async def test_it_survives_what_the_watch_closes(inventory: Any, admin: Any, broker: Broker) -> None:
    await inventory.tell(7, "in_stock", key="registered")
    await broker.publish(refusal(7, lately()))
    await admin.alert()
    rule = await admin.add_rule()
    await admin.delete_rule(rule.id)
    await inventory.tell(7, "in_stock", key="updated", name="Renamed")
    assert len(await admin.alerts()) == 1


async def test_what_explains_a_refusal_may_come_a_moment_later(
    inventory: Any, admin: Any, broker: Broker, store: Store, clock: Any
) -> None:
    for device_id in (7, 8):
        await inventory.tell(device_id, "in_stock", key="registered")
        await broker.publish(refusal(device_id, datetime.now(UTC)))
    await handled(store, broker, 99)
    assert await admin.alerts(state="all") == []
    await inventory.deploy(7)
    clock.move(2 * GRACE.total_seconds())
    assert (await admin.alert()).device_id == 8
    await inventory.tell(7, "in_stock", key="recalled")
    clock.move(2 * GRACE.total_seconds())

    async def looked_at() -> bool:
        return not await store.devices.find_one({"refused_at": {"$exists": True}})

    await eventually(looked_at)
    assert [alert.device_id for alert in await admin.alerts(state="all")] == [8]


def life(device_id: int, at: datetime) -> list[Event]:
    """Every kind of event that tells of a device, of its type, and of what it was refused, a second apart."""
    steps = [
        ("registered", "in_stock"),
        ("REFUSED", "in_stock"),
        ("reserved", "reserved"),
        ("released", "in_stock"),
        ("deployed", "deployed"),
        ("updated", "deployed"),
        ("relocated", "deployed"),
        ("maintenance", "maintenance"),
        ("repaired", "in_stock"),
        ("deployed", "deployed"),
        ("TYPE", ""),
        ("recalled", "in_stock"),
        ("REFUSED", "in_stock"),
        ("TYPE", ""),
        *([("retired", "retired")] if device_id % 2 else []),
    ]
    events: list[Event] = []
    for number, (key, status) in enumerate(steps, start=1):
        when = at + timedelta(seconds=number)
        if key == "REFUSED":
            events.append(refusal(device_id, when))
        elif key == "TYPE":
            changed = events_pb2.DeviceTypeChanged()
            changed.type.type, changed.type.version, changed.type.silence_seconds = f"t{device_id}", number, 10 * number
            events.append(Event.of("inventory.type.updated", changed))
        else:
            device = device_pb2.Device(id=device_id, type=f"t{device_id}", status=status, version=number)
            device.name, device.location, device.serial_number = f"name {number}", f"hall {number}", f"S{device_id}"
            device.updated_at.FromDatetime(when)
            events.append(Event.of(f"inventory.device.{key}", events_pb2.DeviceChanged(device=device)))
    return events


async def end_state(store: Store) -> Any:
    # Since when depends on the events between, and when it was stored on us; what waited is passed over once it was
    # looked at.
    passing = {"since": False, "stored_at": False, "refused_at": False, "refused_status": False}
    devices = [one async for one in store.devices.find({"_id": {"$lt": 1000}}, passing, sort=[("_id", 1)])]
    types = [one async for one in store.types.find({}, sort=[("_id", 1)])]
    which = {"resolved_at": None}
    alerts = [(one["device_id"], one["kind"], one["refused_at"]) async for one in store.alerts.find(which)]
    return devices, types, sorted(alerts)


@pytest.mark.parametrize("seed", range(6))
async def test_events_twice_and_in_any_order_end_where_each_once_in_order_does(
    seed: int, admin: Any, broker: Broker, store: Store
) -> None:
    at = moment(system() - 600_000)
    lives = [life(device_id, at) for device_id in (1, 2, 3, 4)]
    for one in lives:
        for event in one:
            await broker.publish(event)
    await handled(store, broker, 1001)
    expected = await end_state(store)
    assert [device for device, *_ in expected[2]] == [1, 2, 3, 4]
    for collection in (store.devices, store.types, store.alerts):
        await collection.delete_many({})
    shuffled = [event for one in lives for event in one] * 2
    random.Random(seed).shuffle(shuffled)
    for event in shuffled:
        await broker.publish(event)
    await handled(store, broker, 1002)
    assert await end_state(store) == expected
    assert (await admin.health(2)).status == "in_stock"
    assert (await admin.health(1)).status == "retired"
