"""What the services publish, as clients hear of it."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from fieldstock.inventory.v1 import device_pb2, settings_pb2
from fieldstock.inventory.v1 import events_pb2 as inventory_events
from gateway.testing import Watcher
from servicekit.event import Event


def as_rest(message: Any) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


async def test_an_alert_reaches_who_follows_alerts_and_who_follows_its_device(
    watcher: Watcher, watcher_of: Any, issuer: Any, publisher: Any
):
    await watcher.subscribe("alerts")
    near, elsewhere = watcher_of(), watcher_of()
    for other, topic in ((near, "device:7"), (elsewhere, "device:8")):
        await other.connect({"token": issuer.token(id=2)})
        await other.subscribe(topic)
    alert = await publisher.alert(severity="critical", value=91.2, message="temperature 91.2 above 85")
    assert await watcher.next("alert") == as_rest(alert)
    assert await near.next("alert") == as_rest(alert)
    await publisher.presence(8, online=True, version=1)
    await elsewhere.next("presence")
    assert elsewhere.pending("alert") == []


async def test_every_change_of_an_alert_is_told_in_order_and_once(watcher: Watcher, publisher: Any):
    await watcher.subscribe("alerts", "device:7")
    for version, what in enumerate(("opened", "acknowledged", "updated", "resolved"), start=1):
        await publisher.alert(what, version=version)
    assert [(await watcher.next("alert"))["version"] for _ in range(4)] == [1, 2, 3, 4]
    assert watcher.pending("alert") == []


async def test_presence_carries_its_version_as_a_string(watcher: Watcher, publisher: Any):
    await watcher.subscribe("presence")
    await publisher.presence(7, online=False, version=1_700_000_000_000)
    assert await watcher.next("presence") == {"device_id": 7, "online": False, "version": "1700000000000"}


async def test_a_change_of_a_device_comes_with_its_log(watcher: Watcher, publisher: Any):
    await watcher.subscribe("devices")
    device = device_pb2.Device(id=7, name="Press 4", status="in_stock", location="Warehouse B", version=5)
    log = device_pb2.DeviceLog(id=31, device_id=7, action="recalled", performed_by=1, performed_by_name="admin")
    changed = inventory_events.DeviceChanged(device=device, log=log)
    await publisher.broker.publish(Event.of("inventory.device.recalled", changed))
    told = await watcher.next("device")
    assert told.pop("log") == as_rest(log)
    assert told == as_rest(device)


CHANGES = (
    "registered",
    "updated",
    "reserved",
    "released",
    "deployed",
    "recalled",
    "repaired",
    "maintenance",
    "relocated",
    "retired",
)


async def test_every_change_of_a_device_is_told(watcher: Watcher, publisher: Any):
    await watcher.subscribe("device:7")
    for version, change in enumerate(CHANGES, start=1):
        changed = inventory_events.DeviceChanged(device=device_pb2.Device(id=7, version=version))
        await publisher.broker.publish(Event.of(f"inventory.device.{change}", changed))
    told = [await watcher.next("device") for _ in CHANGES]
    assert [device["version"] for device in told] == list(range(1, len(CHANGES) + 1))


async def test_an_acknowledgement_is_told_with_its_note(watcher: Watcher, publisher: Any):
    await watcher.subscribe("alerts")
    seen = {"acknowledged": True, "acknowledged_by": "admin", "acknowledged_note": "on my way", "version": 2}
    alert = await publisher.alert("acknowledged", **seen)
    told = await watcher.next("alert")
    assert told == as_rest(alert)
    assert seen.items() <= told.items()


async def test_credentials_and_settings_are_not_relayed(watcher: Watcher, publisher: Any):
    await watcher.subscribe("devices", "device:7")
    secret = inventory_events.DeviceCredentialChanged(device_id=7, serial_number="SN-7", secret_sha256=b"x" * 32)
    await publisher.broker.publish(Event.of("inventory.device.credential", secret))
    settings = inventory_events.DeviceSettingsChanged(settings=settings_pb2.DeviceSettings(device_id=7, version=1))
    await publisher.broker.publish(Event.of("inventory.device.settings", settings))
    changed = inventory_events.DeviceChanged(device=device_pb2.Device(id=7, version=2))
    await publisher.broker.publish(Event.of("inventory.device.deployed", changed))
    assert (await watcher.next("device"))["version"] == 2
    assert watcher.pending("device") == []


async def test_an_event_that_cannot_be_read_holds_nobody_up(watcher: Watcher, publisher: Any):
    await watcher.subscribe("alerts")
    await publisher.broker.publish(Event("telemetry.alert.opened", b"\xff\xff\xff"))
    await publisher.alert()
    assert (await watcher.next("alert"))["id"] == "a1"
