"""Setting a device aside for somebody."""

import asyncio
from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from fieldstock.inventory.v1 import events_pb2
from servicekit.testing import Refused, eventually, refused


def stamp(moment):
    found = Timestamp()
    found.FromDatetime(moment)
    return found


async def test_a_reserved_device_says_whom_for_and_until_when(admin, clock, heard):
    id = (await admin.register()).device.id
    until = stamp(clock() + timedelta(days=2))
    reserved = await admin.reserve(id, "Line 3", until=until, notes="spare")
    assert (reserved.status, reserved.reserved_for, reserved.reserved_until) == ("reserved", "Line 3", until)
    assert await admin.get(id) == reserved
    assert (await admin.logs(id))[0].action == "reserved"
    for key in ("registered", "credential"):
        await heard.next(f"inventory.device.{key}")
    event = events_pb2.DeviceChanged.FromString((await heard.next("inventory.device.reserved")).body)
    assert event.device == reserved


async def test_a_reserved_device_goes_to_whom_it_was_reserved_for(admin):
    id = (await admin.register()).device.id
    reserved = await admin.reserve(id, "Line 3")
    for whom in ("", "Line 4"):
        no = await refused(admin.deploy(id, reserved_for=whom))
        assert (no.code, no.reason) == ("FAILED_PRECONDITION", "RESERVED_FOR_ANOTHER")
    assert await admin.get(id) == reserved
    deployed = await admin.deploy(id, reserved_for="line 3")
    assert (deployed.status, deployed.reserved_for, deployed.HasField("reserved_until")) == ("deployed", "", False)


async def test_an_override_takes_a_reserved_device(admin):
    id = (await admin.register()).device.id
    await admin.reserve(id, "Line 3")
    assert (await admin.deploy(id, override=True)).status == "deployed"


@pytest.mark.parametrize("leave", ["recall", "maintain", "retire"])
async def test_a_reservation_ends_when_the_device_leaves_it(admin, clock, leave):
    id = (await admin.register()).device.id
    await admin.reserve(id, until=stamp(clock() + timedelta(days=2)))
    left = await getattr(admin, leave)(id)
    assert (left.reserved_for, left.HasField("reserved_until")) == ("", False)
    expected = {"recall": "released", "maintain": "maintained", "retire": "retired"}
    assert (await admin.logs(id))[0].action == expected[leave]


async def test_of_fifty_concurrent_reservations_one_wins(admin):
    id = (await admin.register()).device.id
    attempts = await asyncio.gather(*(admin.reserve(id, f"Line {n}") for n in range(50)), return_exceptions=True)
    winners = [attempt for attempt in attempts if not isinstance(attempt, BaseException)]
    assert len(winners) == 1
    assert {Refused(no).reason for no in attempts if isinstance(no, BaseException)} == {"INVALID_TRANSITION"}
    assert (await admin.get(id)).reserved_for == winners[0].reserved_for
    assert [log.action for log in await admin.logs(id)] == ["reserved", "registered"]


async def test_what_is_over_is_released_once_by_however_many_replicas(admin, replica, clock):
    ids = [(await admin.register(f"SN-{n}")).device.id for n in range(20)]
    await asyncio.gather(*(admin.reserve(id, until=stamp(clock() + timedelta(hours=1))) for id in ids))
    forever = (await admin.register("SN-forever")).device.id
    await admin.reserve(forever)
    async with replica():
        clock.move(hours=2)

        async def released():
            return all([(await admin.get(id)).status == "in_stock" for id in ids])

        await eventually(released, within=10, every=0.1)
    for id in ids:
        log, *earlier = await admin.logs(id)
        assert (log.action, log.old_status, log.HasField("performed_by")) == ("released", "reserved", False)
        assert [line.action for line in earlier] == ["reserved", "registered"]
        device = await admin.get(id)
        assert (device.version, device.reserved_for, device.location) == (3, "", "Warehouse A")
    assert (await admin.get(forever)).status == "reserved"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"reserved_for": ""}, ["reserved_for"]),
        ({"reserved_for": "r" * 101}, ["reserved_for"]),
        ({"until": Timestamp(seconds=1)}, ["until"]),
        ({"until": Timestamp(seconds=2**60)}, ["until"]),
        ({"status": "deployed", "version": -1, "notes": "n" * 10_001}, ["notes", "status", "version"]),
    ],
)
async def test_every_bad_field_of_a_reservation_is_named(admin, fields, named):
    device = (await admin.register()).device
    no = await refused(admin.reserve(device.id, **fields))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", named)
    assert await admin.get(device.id) == device


async def test_a_device_that_is_not_in_stock_is_not_reserved(admin, viewer):
    device = (await admin.register()).device
    assert (await refused(viewer.reserve(device.id))).code == "PERMISSION_DENIED"
    await admin.reserve(device.id)
    for _ in range(2):
        assert (await refused(admin.reserve(device.id))).reason == "INVALID_TRANSITION"
