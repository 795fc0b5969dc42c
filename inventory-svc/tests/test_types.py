"""What the devices of a type have in common."""

import asyncio

import pytest

from fieldstock.inventory.v1 import device_type_service_pb2 as pb
from fieldstock.inventory.v1 import events_pb2
from servicekit.testing import refused


async def get(client, type):
    return await client("GetDeviceType", pb.GetDeviceTypeRequest(type=type))


async def update(client, type="sensor", **fields):
    return await client("UpdateDeviceType", pb.UpdateDeviceTypeRequest(type=type, **fields))


async def test_a_type_is_made_with_its_first_device_and_not_again(admin, viewer, heard_of_types):
    no = await refused(get(viewer, "sensor"))
    assert (no.code, no.reason) == ("NOT_FOUND", "DEVICE_TYPE_NOT_FOUND")
    answers = await asyncio.gather(*(admin.register(f"SN-{n}") for n in range(10)))
    assert len(answers) == 10
    made = await get(viewer, "sensor")
    assert (made.version, made.silence_seconds, list(made.metrics)) == (1, 0, [])
    told = events_pb2.DeviceTypeChanged.FromString((await heard_of_types.next("inventory.type.updated")).body)
    assert told.type == made
    await admin.update(1, type="gateway")
    assert (await get(viewer, "gateway")).version == 1
    await heard_of_types.next("inventory.type.updated")
    assert heard_of_types.empty()


async def test_no_type_is_made_for_a_device_that_is_not(admin):
    await admin.register("SN-1")
    await refused(admin.register("SN-1", type="gateway"))
    assert (await refused(get(admin, "gateway"))).reason == "DEVICE_TYPE_NOT_FOUND"


async def test_an_update_replaces_a_types_properties(admin, heard_of_types):
    await admin.register()
    metrics = [{"name": "temperature", "unit": "°C"}, {"name": "load", "unit": ""}]
    changed = await update(
        admin, metrics=metrics, silence_seconds=60, retention_days=30, compatible_types=["gateway"], version=1
    )
    assert [(metric.name, metric.unit) for metric in changed.metrics] == [("temperature", "°C"), ("load", "")]
    assert (changed.silence_seconds, changed.retention_days, changed.version) == (60, 30, 2)
    assert await get(admin, "sensor") == changed
    await heard_of_types.next("inventory.type.updated")
    told = events_pb2.DeviceTypeChanged.FromString((await heard_of_types.next("inventory.type.updated")).body)
    assert told.type == changed
    assert list((await update(admin)).metrics) == []


async def test_of_two_updates_of_one_version_one_is_stale(admin):
    await admin.register()
    both = [update(admin, silence_seconds=n, version=1) for n in (1, 2)]
    answers = await asyncio.gather(*both, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    no = await refused(update(admin, version=1))
    assert (no.code, no.reason) == ("ABORTED", "STALE_VERSION")


async def test_types_are_listed_by_name(admin, viewer):
    for n, type in enumerate(["sensor", "Gateway", "camera"]):
        await admin.register(f"SN-{n}", type=type)
    first = await viewer("ListDeviceTypes", pb.ListDeviceTypesRequest(page_size=2))
    assert [type.type for type in first.types] == ["Gateway", "camera"]
    second = await viewer("ListDeviceTypes", pb.ListDeviceTypesRequest(page_token=first.next_page_token))
    assert ([type.type for type in second.types], second.next_page_token) == (["sensor"], "")
    for request, reason in [({"page_size": -1}, "INVALID_FIELD"), ({"page_token": "x"}, "INVALID_PAGE_TOKEN")]:
        assert (await refused(viewer("ListDeviceTypes", pb.ListDeviceTypesRequest(**request)))).reason == reason


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"metrics": [{"name": "Temp!"}]}, ["metrics.name"]),
        ({"metrics": [{"name": ""}]}, ["metrics.name"]),
        ({"metrics": [{"name": "a"}, {"name": "a"}]}, ["metrics.name"]),
        ({"metrics": [{"name": "a", "unit": "u" * 21}]}, ["metrics.unit"]),
        ({"metrics": [{"name": f"m{n}"} for n in range(65)]}, ["metrics"]),
        (
            {"silence_seconds": -1, "retention_days": -1, "version": -1},
            ["retention_days", "silence_seconds", "version"],
        ),
        ({"silence_seconds": 2**31 - 1}, ["silence_seconds"]),
        ({"compatible_types": ["a"] * 2}, ["compatible_types"]),
        ({"compatible_types": [""]}, ["compatible_types"]),
        ({"compatible_types": [f"t{n}" for n in range(21)]}, ["compatible_types"]),
    ],
)
async def test_properties_that_make_no_sense_are_refused(admin, fields, named):
    await admin.register()
    no = await refused(update(admin, **fields))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", named)
    assert (await get(admin, "sensor")).version == 1


async def test_admins_change_types(admin, operator, device_7):
    await admin.register()
    for call in (update(operator), get(device_7, "sensor")):
        assert (await refused(call)).code == "PERMISSION_DENIED"
    assert (await refused(update(admin, "unknown"))).reason == "DEVICE_TYPE_NOT_FOUND"
    assert (await refused(get(admin, "t" * 51))).fields == ["type"]
