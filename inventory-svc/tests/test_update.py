"""Correcting what a device is, moving it, and giving it a new secret."""

import asyncio
from hashlib import sha256

import pytest

from fieldstock.inventory.v1 import events_pb2
from servicekit.testing import refused


@pytest.fixture
async def device(admin):
    answer = await admin.register("SN-7", specs={"fw": "1.2"}, purchase_date="2026-01-02")
    return answer.device


async def test_an_update_changes_what_it_is_given_and_nothing_else(admin, device):
    updated = await admin.update(device.id, name=" Press 4 ", serial_number="SN-8", notes="typo")
    assert (updated.name, updated.serial_number, updated.version) == ("Press 4", "SN-8", 2)
    assert (updated.type, updated.specs, updated.purchase_date) == ("sensor", device.specs, "2026-01-02")
    assert await admin.get(device.id) == updated
    log = (await admin.logs(device.id))[0]
    assert (log.action, log.old_status, log.new_status, log.notes) == ("updated", "in_stock", "in_stock", "typo")
    cleared = await admin.update(device.id, clear=["specs", "purchase_date"])
    assert (dict(cleared.specs), cleared.purchase_date, cleared.name) == ({}, "", "Press 4")
    assert dict((await admin.update(device.id, specs={"fw": "2"})).specs) == {"fw": "2"}


async def test_other_services_hear_of_an_update(admin, heard):
    id = (await admin.register()).device.id
    updated = await admin.update(id, serial_number="SN-8")
    for key in ("registered", "credential"):
        await heard.next(f"inventory.device.{key}")
    event = events_pb2.DeviceChanged.FromString((await heard.next("inventory.device.updated")).body)
    assert event.device == updated
    assert event.log.action == "updated"


async def test_an_update_that_changes_nothing_is_no_change(admin, device):
    assert await admin.update(device.id, name=device.name, serial_number=device.serial_number) == device
    assert len(await admin.logs(device.id)) == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, []),
        ({"notes": "only words"}, []),
        ({"status": "deployed", "name": "n"}, ["status"]),
        ({"status": "", "location": "Hall"}, ["location", "status"]),
        ({"deploy_date": "2026-01-02", "last_maintenance": "", "created_at": "", "updated_at": ""},
         ["created_at", "deploy_date", "last_maintenance", "updated_at"]),
        ({"clear": ["status", "specs"]}, ["status"]),
    ],
)  # fmt: skip
async def test_what_an_update_may_not_touch_is_named(admin, device, fields, named):
    no = await refused(admin.update(device.id, **fields))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "READ_ONLY_FIELD", named)
    assert await admin.get(device.id) == device


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "", "type": " ", "serial_number": ""}, ["name", "serial_number", "type"]),
        ({"name": "n" * 101, "type": "t" * 51, "serial_number": "s" * 101}, ["name", "serial_number", "type"]),
        ({"purchase_date": ""}, ["purchase_date"]),
        ({"purchase_date": "tomorrow", "notes": "n" * 10_001}, ["notes", "purchase_date"]),
        ({"specs": {"a": "x" * 20_000}}, ["specs"]),
        ({"clear": ["colour"]}, ["clear"]),
        ({"clear": ["name"]}, ["clear"]),
        ({"clear": ["specs"], "specs": {"a": 1}}, ["specs"]),
        ({"name": "n", "version": -1}, ["version"]),
    ],
)
async def test_every_bad_field_of_an_update_is_named(admin, device, fields, named):
    no = await refused(admin.update(device.id, **fields))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", named)
    assert await admin.get(device.id) == device


async def test_an_update_does_not_take_another_devices_serial_number(admin, device):
    await admin.register("SN-8")
    no = await refused(admin.update(device.id, name="Other", serial_number="sn-8"))
    assert (no.code, no.reason) == ("ALREADY_EXISTS", "SERIAL_NUMBER_TAKEN")
    assert await admin.get(device.id) == device
    respelled = await admin.update(device.id, serial_number="sn-7")
    assert respelled.serial_number == "sn-7"


async def test_of_two_updates_of_one_version_one_is_stale(admin, device):
    both = [admin.update(device.id, name=f"Name {n}", version=1) for n in range(2)]
    answers = await asyncio.gather(*both, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    no = await refused(admin.update(device.id, name="Late", version=1))
    assert (no.code, no.reason) == ("ABORTED", "STALE_VERSION")


async def test_a_device_is_relocated_whatever_it_does(admin, heard):
    device = (await admin.register()).device
    await admin.deploy(device.id)
    moved = await admin.relocate(device.id, "Factory B", notes="belt 2")
    for key in ("registered", "credential", "deployed"):
        await heard.next(f"inventory.device.{key}")
    event = events_pb2.DeviceChanged.FromString((await heard.next("inventory.device.relocated")).body)
    assert event.device == moved
    assert (moved.location, moved.status, moved.version) == ("Factory B", "deployed", 3)
    log = (await admin.logs(device.id))[0]
    assert (log.action, log.old_status, log.new_status) == ("relocated", "deployed", "deployed")


async def test_a_retired_device_stays_where_it_is(admin, device):
    retired = await admin.retire(device.id)
    no = await refused(admin.relocate(device.id, "Elsewhere"))
    assert (no.code, no.reason) == ("FAILED_PRECONDITION", "INVALID_TRANSITION")
    assert await admin.get(device.id) == retired


@pytest.mark.parametrize("location", ["", "  ", "l" * 101, "a\tb"])
async def test_a_place_that_is_none_is_refused(admin, device, location):
    no = await refused(admin.relocate(device.id, location))
    assert (no.reason, no.fields) == ("INVALID_FIELD", ["location"])
    assert await admin.get(device.id) == device


async def test_a_renewed_secret_is_told_once_and_its_version_comes_after_the_one_before(admin, heard):
    first = (await admin.register("SN-7")).device
    credential = await admin.renew(first.id)
    assert credential.serial_number == "SN-7"
    device = await admin.get(first.id)
    assert device.version == 2
    log = (await admin.logs(first.id))[0]
    assert (log.action, log.notes) == ("updated", "credential renewed")
    for key in ("registered", "credential", "updated"):
        await heard.next(f"inventory.device.{key}")
    told = events_pb2.DeviceCredentialChanged.FromString((await heard.next("inventory.device.credential")).body)
    assert told.secret_sha256 == sha256(credential.secret.encode()).digest()
    assert told.version == 2


async def test_a_secret_is_renewed_by_admins_for_devices_in_use(admin, operator, device):
    assert (await refused(operator.renew(device.id))).code == "PERMISSION_DENIED"
    no = await refused(admin.renew(device.id, version=9))
    assert (no.code, no.reason) == ("ABORTED", "STALE_VERSION")
    assert (await refused(admin.renew(device.id, version=-1))).fields == ["version"]
    retired = await admin.retire(device.id)
    no = await refused(admin.renew(device.id))
    assert (no.code, no.reason) == ("FAILED_PRECONDITION", "DEVICE_RETIRED")
    assert await admin.get(device.id) == retired


async def test_what_does_not_exist_is_not_found(admin):
    for call in (admin.update(999, name="n"), admin.relocate(999), admin.reserve(999), admin.renew(999)):
        no = await refused(call)
        assert (no.code, no.reason) == ("NOT_FOUND", "DEVICE_NOT_FOUND")
