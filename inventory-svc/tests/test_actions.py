"""One action for many devices."""

import asyncio

import psycopg
import pytest

from fieldstock.inventory.v1 import device_service_pb2 as pb
from servicekit.testing import refused


@pytest.fixture
async def ids(admin):
    answers = await asyncio.gather(*(admin.register(f"SN-{n}") for n in range(6)))
    return sorted(answer.device.id for answer in answers)


async def test_each_device_has_its_own_result_in_the_order_of_their_ids(operator, ids):
    await operator.deploy(ids[2])
    answer = await operator.act("deploy", ids=[*reversed(ids), ids[0], 999], location="Factory A", notes="all of it")
    assert [result.id for result in answer.results] == [*ids, 999]
    assert (answer.succeeded, answer.failed) == (5, 2)
    reasons = {result.id: result.reason for result in answer.results if result.reason}
    assert reasons == {ids[2]: "INVALID_TRANSITION", 999: "DEVICE_NOT_FOUND"}
    assert not answer.results[2].HasField("device")
    assert "deployed" in answer.results[2].message
    assert answer.results[0].device == await operator.get(ids[0])
    assert [log.action for log in await operator.logs(ids[0])] == ["deployed", "registered"]


async def test_a_filter_says_which_devices(operator, ids):
    await operator.relocate(ids[0], "Warehouse B")
    which = pb.DeviceFilter(location="warehouse a", status="in_stock")
    answer = await operator.act("maintenance", filter=which, location="Workshop")
    assert [result.id for result in answer.results] == ids[1:]
    assert {device.id for device in (await operator.list(status="maintenance")).devices} == set(ids[1:])


async def test_every_action_is_there(admin, ids):
    for action, fields, status in [
        ("reserve", {"reserved_for": "Line 3"}, "reserved"),
        ("deploy", {"location": "Factory", "reserved_for": "Line 3"}, "deployed"),
        ("relocate", {"location": "Factory B"}, "deployed"),
        ("maintenance", {}, "maintenance"),
        ("recall", {"location": "Warehouse"}, "in_stock"),
        ("retire", {}, "retired"),
    ]:
        answer = await admin.act(action, ids=ids, **fields)
        assert {result.device.status for result in answer.results} == {status}, action


async def test_the_same_twice_changes_nothing_the_second_time(operator, ids):
    await operator.act("deploy", ids=ids, location="Factory A")
    again = await operator.act("deploy", ids=ids, location="Factory B")
    assert (again.succeeded, again.failed) == (0, 6)
    assert (await operator.get(ids[0])).location == "Factory A"


async def test_two_at_once_share_the_devices_between_them(operator, ids):
    both = await asyncio.gather(*(operator.act("deploy", ids=ids, location=f"Factory {n}") for n in range(2)))
    assert sum(answer.succeeded for answer in both) == 6


async def test_many_are_retired_by_admins_alone(operator, viewer, ids):
    assert (await refused(operator.act("retire", ids=ids))).code == "PERMISSION_DENIED"
    assert (await refused(viewer.act("deploy", ids=ids, location="F"))).code == "PERMISSION_DENIED"
    assert (await operator.get(ids[0])).status == "in_stock"


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"action": "explode", "ids": [1]}, ["action"]),
        ({"action": "", "ids": [1]}, ["action"]),
        ({"action": "deploy", "ids": [1]}, ["location"]),
        ({"action": "deploy", "ids": [1], "location": "l" * 101, "notes": "n" * 10_001}, ["location", "notes"]),
        ({"action": "reserve", "ids": [1]}, ["reserved_for"]),
        ({"action": "relocate", "ids": [1], "location": "L", "override": True}, ["override"]),
        ({"action": "maintenance"}, ["ids"]),
        ({"action": "maintenance", "ids": [1], "filter": {"status": "in_stock"}}, ["ids"]),
        ({"action": "maintenance", "filter": {}}, ["filter"]),
        ({"action": "maintenance", "filter": {"status": "lost"}}, ["filter.status"]),
        ({"action": "maintenance", "ids": list(range(1, 1002))}, ["ids"]),
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_done(admin, ids, request_, named):
    no = await refused(admin("ActOnDevices", pb.ActOnDevicesRequest(**request_)))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", named)
    assert len((await admin.list(status="in_stock")).devices) == 6


async def test_a_filter_that_takes_too_many_is_refused(admin, database):
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO t_devices (name, type, serial_number) "
            "SELECT 'x', 'sensor', n::text FROM generate_series(1, 1001) n"
        )
    no = await refused(admin.act("maintenance", filter={"type": "sensor"}))
    assert no.fields == ["filter"]
    request = pb.ActOnDevicesRequest(action="maintenance", ids=range(1, 1001))
    answer = await admin("ActOnDevices", request, timeout=30)
    assert answer.succeeded == 1000
