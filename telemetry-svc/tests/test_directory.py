"""Health and inventory in one list: filters, orders, pages."""

from collections.abc import Callable
from typing import Any

import pytest

from fieldstock.inventory.v1 import events_pb2
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import eventually, refused
from telemetry_svc.clock import system

Make = Callable[..., Any]


@pytest.fixture
async def fleet(inventory: Any, admin: Any, batch: Make) -> Any:
    """1 to 6: two halls, two types, one of each status; 1 is hot, 2 was heard of last."""
    await inventory.tell(1, "deployed", name="press", type="sensor", location="Hall 1/Line 1", serial_number="SN-A")
    await inventory.tell(2, "deployed", name="Anvil", type="pump", location="Hall 1/Line 2", serial_number="SN-B")
    await inventory.tell(3, "deployed", name="Oven", type="sensor", location="Hall 2", serial_number="SX-C")
    await inventory.tell(4, "in_stock", name="press", type="sensor", location="Hall 1", serial_number="sn-d")
    await inventory.tell(5, "maintenance", name="Zeppelin", type="pump", location="Hall 2")
    await inventory.tell(6, "retired", name="Abacus", type="pump", location="Hall 2")
    await admin.add_rule()
    await admin.send(batch(1, [system()], device=1, temperature=[90]))
    await admin.alert()
    await admin.send(batch(1, [system()], device=2, temperature=[20]))

    async def heard() -> bool:
        return (await admin.health(1)).online and (await admin.health(2)).online

    await eventually(heard)
    return admin


async def ids(admin: Any, **fields: Any) -> list[int]:
    """All pages, two devices each."""
    found, token = [], ""
    while True:
        page = await admin.fleet(page_size=2, page_token=token, **fields)
        found += [device.device_id for device in page.devices]
        token = page.next_page_token
        if not token:
            return found


async def test_each_device_says_what_it_is_and_how_it_is(fleet: Any) -> None:
    one = (await fleet.fleet()).devices[0]
    assert (one.name, one.type, one.location, one.serial_number) == ("press", "sensor", "Hall 1/Line 1", "SN-A")
    assert (one.severity, one.open_alerts, one.online) == ("critical", 1, True)
    assert one == await fleet.health(1)


async def test_filters_narrow_the_list(fleet: Any) -> None:
    assert await ids(fleet) == [1, 2, 3, 4, 5]
    assert await ids(fleet, status="retired") == [6]
    assert await ids(fleet, status="deployed") == [1, 2, 3]
    assert await ids(fleet, type="pump") == [2, 5]
    assert await ids(fleet, location="hall 1/*") == [1, 2]
    assert await ids(fleet, location="HALL 1") == [4]
    assert await ids(fleet, online=True) == [1, 2]
    assert await ids(fleet, severity="warning") == await ids(fleet, severity="critical") == [1]
    assert await ids(fleet, q="PRESS") == [1, 4]
    assert await ids(fleet, q="sn-") == [1, 2, 4]
    assert await ids(fleet, q="sn-", type="sensor", status="in_stock") == [4]
    assert await ids(fleet, q="nobody", order_by="name") == []
    assert await ids(fleet, q="press*") == await ids(fleet, type=".*") == []


async def test_orders_turn_it_around(fleet: Any) -> None:
    assert await ids(fleet, order_by="-id") == [5, 4, 3, 2, 1]
    assert await ids(fleet, order_by="name") == [2, 3, 1, 4, 5]
    assert await ids(fleet, order_by="-name") == [5, 4, 1, 3, 2]
    assert await ids(fleet, order_by="last_seen") == [3, 4, 5, 1, 2]
    assert await ids(fleet, order_by="-last_seen") == [2, 1, 5, 4, 3]
    assert await ids(fleet, order_by="-severity") == [1, 5, 4, 3, 2]
    assert await ids(fleet, order_by="severity", status="deployed") == [2, 3, 1]


async def test_what_cannot_be_asked_is_refused(fleet: Any) -> None:
    wrong = {
        "status": "lost",
        "severity": "loud",
        "order_by": "--id",
        "q": "q" * 101,
        "type": "t" * 51,
        "location": "\0",
    }
    for field, value in wrong.items():
        no = await refused(fleet.fleet(**{field: value}))
        assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", [field])
    no = await refused(fleet.fleet(**wrong))
    assert no.fields == sorted(wrong)
    token = (await fleet.fleet(page_size=2, order_by="name")).next_page_token
    for other in ({"order_by": "-name"}, {"order_by": "name", "type": "pump"}, {}):
        assert (await refused(fleet.fleet(page_token=token, **other))).reason == "INVALID_PAGE_TOKEN"
    assert (await refused(fleet.fleet(page_size=-1))).reason == "INVALID_FIELD"


async def test_a_type_says_how_long_its_devices_may_be_silent(
    inventory: Any, admin: Any, batch: Make, broker: Broker, clock: Any
) -> None:
    clock.move(400)
    changed = events_pb2.DeviceTypeChanged()
    changed.type.type, changed.type.silence_seconds, changed.type.version = "slow", 600, 1
    await broker.publish(Event.of("inventory.type.updated", changed))
    await inventory.deploy(7, type="slow")
    await inventory.deploy(8)
    clock.move(299)
    await admin.send(batch(1, [clock()] * 2, device=[7, 8], temperature=[1, 1]))
    await eventually(lambda: ids(admin, online=True))
    clock.move(61)
    assert (await admin.alert()).device_id == 8
    assert await ids(admin, online=True) == [7]
    clock.move(540)
    alert = await admin.alert(device_id=7)
    assert alert.message == "silent for more than 600 s"
    changed.type.silence_seconds, changed.type.version = 3_600, 2
    await broker.publish(Event.of("inventory.type.updated", changed))
    assert (await admin.alert(state="resolved", device_id=7)).resolved_because == "condition_cleared"
