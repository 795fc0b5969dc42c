"""DeviceService over a real channel, on a real database."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from google.protobuf.struct_pb2 import Struct

from fieldstock.inventory.v1 import device_service_pb2 as pb
from fieldstock.inventory.v1 import events_pb2
from servicekit.testing import refused


async def test_a_registered_device_is_in_stock_and_its_secret_is_told_once(admin, heard):
    answer = await admin.register("SN-7", specs={"fw": "1.2", "ports": 4}, purchase_date="2026-01-02")
    device = answer.device
    assert (device.status, device.version, device.location) == ("in_stock", 1, "Warehouse A")
    assert (device.purchase_date, device.deploy_date, device.specs["ports"]) == ("2026-01-02", "", 4)
    assert await admin.get(device.id) == device

    registered = events_pb2.DeviceChanged.FromString((await heard.next("inventory.device.registered")).body)
    assert registered.device == device
    told = events_pb2.DeviceCredentialChanged.FromString((await heard.next("inventory.device.credential")).body)
    assert told.secret_sha256 == sha256(answer.credential.secret.encode()).digest()
    assert answer.credential.serial_number == told.serial_number == "SN-7"


async def test_a_deployment_is_one_change_with_its_log_and_its_event(operator, heard):
    device = (await operator.register()).device
    deployed = await operator.deploy(device.id, "Factory A - Floor 3", status="deployed", notes="line 3 restart")
    today = datetime.now(UTC).date().isoformat()
    assert (deployed.status, deployed.location, deployed.deploy_date) == ("deployed", "Factory A - Floor 3", today)

    log = (await operator.logs(device.id))[0]
    assert (log.action, log.old_status, log.new_status, log.notes) == (
        "deployed",
        "in_stock",
        "deployed",
        "line 3 restart",
    )
    assert (log.performed_by, log.performed_by_name) == (3, "user-3")
    await heard.next("inventory.device.registered")
    await heard.next("inventory.device.credential")
    event = events_pb2.DeviceChanged.FromString((await heard.next("inventory.device.deployed")).body)
    assert (event.device, event.log) == (deployed, log)


async def test_the_whole_way_through_the_lifecycle_is_in_the_log_newest_first(admin):
    id = (await admin.register()).device.id
    await admin.deploy(id)
    await admin.maintain(id, location="Workshop")
    await admin.recall(id, "Warehouse B")
    await admin.retire(id, notes="worn out")
    assert [log.action for log in await admin.logs(id)] == [
        "retired",
        "repaired",
        "maintained",
        "deployed",
        "registered",
    ]
    assert (await admin.get(id)).version == 5


async def test_of_fifty_concurrent_deploys_one_wins_with_one_log_row_and_one_event(admin, heard):
    id = (await admin.register()).device.id
    attempts = await asyncio.gather(*(admin.deploy(id, f"Place {n}") for n in range(50)), return_exceptions=True)
    winners = [attempt for attempt in attempts if not isinstance(attempt, BaseException)]
    assert len(winners) == 1
    for attempt in attempts:
        if isinstance(attempt, BaseException):
            assert (await refused(_raise(attempt))).reason == "INVALID_TRANSITION"
    assert [log.action for log in await admin.logs(id)] == ["deployed", "registered"]
    assert (await admin.get(id)).location == winners[0].location
    for key in ("registered", "credential", "deployed"):
        await heard.next(f"inventory.device.{key}")
    await admin.recall(id)
    await heard.next("inventory.device.recalled")  # and no second deployment before it


async def test_of_fifty_concurrent_relocations_each_is_done_and_told_in_its_turn(admin, heard):
    id = (await admin.register()).device.id
    moved = await asyncio.gather(*(admin.relocate(id, f"Place {n}") for n in range(50)))
    assert sorted(device.version for device in moved) == list(range(2, 52))
    logs = await admin.logs(id, page_size=100)
    assert [log.action for log in logs] == ["relocated"] * 50 + ["registered"]
    assert (await admin.get(id)) == max(moved, key=lambda device: device.version)
    for key in ("registered", "credential"):
        await heard.next(f"inventory.device.{key}")
    told = [
        events_pb2.DeviceChanged.FromString((await heard.next("inventory.device.relocated")).body) for _ in range(50)
    ]
    assert [changed.device for changed in told] == sorted(moved, key=lambda device: device.version)
    assert [changed.log.id for changed in reversed(told)] == [log.id for log in logs[:-1]]


async def _raise(error):
    raise error


async def test_a_retired_device_is_not_deployed(admin):
    id = (await admin.register()).device.id
    retired = await admin.retire(id)
    no = await refused(admin.deploy(id))
    assert (no.code, no.reason) == ("FAILED_PRECONDITION", "INVALID_TRANSITION")
    assert await admin.get(id) == retired
    assert len(await admin.logs(id)) == 2


async def test_a_stale_version_is_refused_and_the_current_one_is_told(admin):
    device = (await admin.register()).device
    await admin.deploy(device.id, version=device.version)
    no = await refused(admin.recall(device.id, version=device.version))
    assert (no.code, no.reason) == ("ABORTED", "STALE_VERSION")
    assert "version 2" in no.message
    assert (await admin.get(device.id)).status == "deployed"


async def test_an_action_refuses_a_status_that_it_does_not_lead_to(admin):
    id = (await admin.register()).device.id
    no = await refused(admin.deploy(id, status="in_stock"))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["status"])


@pytest.mark.parametrize("id", [-1, 0, 999, 2_000_000_000])
async def test_a_device_that_does_not_exist_is_not_found(admin, id):
    for call in (admin.get(id), admin.deploy(id), admin.recall(id), admin.retire(id), admin.logs(id)):
        no = await refused(call)
        assert (no.code, no.reason) == ("NOT_FOUND", "DEVICE_NOT_FOUND")


async def test_every_bad_field_of_a_registration_is_named_and_nothing_is_stored(admin):
    no = await refused(
        admin.register("", name="  ", type="x" * 51, location="a\x00b", purchase_date="02/01/2026", notes="n" * 10_001)
    )
    assert no.reason == "INVALID_FIELD"
    assert no.fields == ["name", "serial_number"]  # what is missing is told first
    no = await refused(
        admin.register(
            "S" * 101, name="n", type="x" * 51, location="a\x00b", purchase_date="02/01/2026", notes="n" * 10_001
        )
    )
    assert no.fields == ["location", "notes", "purchase_date", "serial_number", "type"]
    assert not (await admin("ListDevices", pb.ListDevicesRequest())).devices


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_specs_are_json(admin, number):
    specs = Struct()
    specs.fields["limit"].number_value = number
    assert (await refused(admin.register(specs=specs))).fields == ["specs"]
    assert (await refused(admin.register(specs={"text": "a\x00b"}))).fields == ["specs"]
    assert (await refused(admin.register(specs={"text": "x" * 20_000}))).fields == ["specs"]


async def test_a_serial_number_is_unique_without_regard_to_case(admin):
    first = await admin.register("sn-7")
    no = await refused(admin.register(" SN-7 "))
    assert (no.code, no.reason) == ("ALREADY_EXISTS", "SERIAL_NUMBER_TAKEN")
    again = await asyncio.gather(*(admin.register("sn-8") for _ in range(10)), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in again) == 1
    assert first.device.serial_number == "sn-7"


async def test_roles_are_let_in_as_the_contract_says(viewer, operator, admin, device_7):
    id = (await operator.register()).device.id
    await viewer.get(id)
    for call in (viewer.register("SN-2"), viewer.deploy(id), viewer.recall(id), operator.retire(id), device_7.logs(id)):
        assert (await refused(call)).code == "PERMISSION_DENIED"
    no = await refused(device_7.get(id))
    assert no.reason == "NOT_OWN_DEVICE"


async def test_lists_are_filtered_without_regard_to_case(viewer, operator):
    for n, (type, location) in enumerate(
        [("sensor", "Hall 1"), ("sensor", "Hall 1/Rack 2"), ("gateway", "hall 10"), ("gateway", "Depot_1")]
    ):
        await operator.register(f"SN-{n}", name=f"{type.title()} {n}%", type=type, location=location)
    await operator.deploy(4, "Depot_1")

    async def ids(**filters):
        return [device.id for device in (await viewer("ListDevices", pb.ListDevicesRequest(**filters))).devices]

    assert await ids() == [1, 2, 3, 4]
    assert await ids(status="deployed") == [4]
    assert await ids(type="gateway") == [3, 4]
    assert await ids(location="HALL 1") == [1]
    assert await ids(location="hall 1/*") == [2]
    assert await ids(location="depot1") == []  # an underscore stands for itself
    assert await ids(q="sensor") == [1, 2]
    assert await ids(q="sn-3") == [4]
    assert await ids(q="%") == []
    await operator.register("SN-5", location="ÜBER İstanbul/Rack")
    assert await ids(location="ÜBER İstanbul/*") == [5]
    assert await ids(location="über İSTANBUL/*") == [5]
    in_stock = await viewer("ListInStockDevices", pb.ListInStockDevicesRequest(type="gateway"))
    assert [device.id for device in in_stock.devices] == [3]
    deployed = await viewer("ListDeployedDevices", pb.ListDeployedDevicesRequest())
    assert [device.id for device in deployed.devices] == [4]


async def test_a_walk_through_the_pages_sees_each_device_once(viewer, operator):
    await asyncio.gather(*(operator.register(f"SN-{n}") for n in range(25)))
    seen, token = [], ""
    while True:
        page = await viewer("ListDevices", pb.ListDevicesRequest(page_size=10, page_token=token))
        seen += [device.id for device in page.devices]
        await operator.register(f"new-{len(seen)}")  # what is added meanwhile disturbs nothing
        if not (token := page.next_page_token):
            break
    assert seen[:25] == sorted(seen[:25])
    assert set(range(1, 26)) <= set(seen)
    assert len(seen) == len(set(seen))


async def test_a_page_token_is_bound_to_its_question(viewer, operator):
    for n in range(3):
        await operator.register(f"SN-{n}")
    token = (await viewer("ListDevices", pb.ListDevicesRequest(page_size=2))).next_page_token
    for request in (
        pb.ListDevicesRequest(page_token=token, status="deployed"),
        pb.ListDevicesRequest(page_token="nonsense"),
        pb.ListDevicesRequest(page_token="eyJh"),
        pb.ListDevicesRequest(page_token="W1tb" * 10_000),
    ):
        no = await refused(viewer("ListDevices", request))
        assert (no.code, no.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
    other_size = await viewer("ListDevices", pb.ListDevicesRequest(page_token=token, page_size=1))
    assert len(other_size.devices) == 1
    no = await refused(viewer("ListDevices", pb.ListDevicesRequest(page_size=-1)))
    assert no.fields == ["page_size"]
    assert (await refused(viewer("ListDevices", pb.ListDevicesRequest(status="lost")))).fields == ["status"]
