"""What a device shall be set to, and what it says it is."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic

import grpc
import psycopg
import pytest

from fieldstock.inventory.v1 import events_pb2
from fieldstock.inventory.v1 import settings_service_pb2 as pb
from inventory_svc.watches import Watches
from servicekit.access import Kind
from servicekit.testing import Refused, channel_to, refused


async def get(client, id):
    return await client("GetDeviceSettings", pb.GetDeviceSettingsRequest(id=id))


async def desire(client, id, desired=None, **fields):
    desired = {"interval": 5} if desired is None else desired
    return await client("UpdateDeviceSettings", pb.UpdateDeviceSettingsRequest(id=id, desired=desired, **fields))


async def report(client, id, version):
    return await client("ReportDeviceSettings", pb.ReportDeviceSettingsRequest(id=id, version=version))


def watch(client):
    return client("WatchDeviceSettings", pb.WatchDeviceSettingsRequest(), timeout=30)


async def ended(call):
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return Refused(error)
    raise AssertionError("the stream ended without a reason")


@pytest.fixture
async def id(admin):
    return (await admin.register()).device.id


@pytest.fixture
def device(channel, device_at, id):
    return device_at(channel, id)


async def test_settings_are_desired_by_operators_and_reported_by_the_device(operator, device, id, heard):
    assert (await get(device, id)).version == 0
    desired = await desire(operator, id, {"interval": 5, "nested": {"a": [1]}})
    assert (desired.version, desired.reported_version, desired.desired["interval"]) == (1, 0, 5)
    reported = await report(device, id, 1)
    assert (reported.version, reported.reported_version) == (1, 1)
    assert await get(operator, id) == reported
    for key in ("settings", "settings"):
        event = await heard.next(f"inventory.device.{key}")
    assert events_pb2.DeviceSettingsChanged.FromString(event.body).settings == reported


async def test_an_older_report_changes_nothing(operator, device, id):
    for n in range(3):
        await desire(operator, id, {"interval": n})
    reported = await report(device, id, 2)
    assert await report(device, id, 1) == reported
    assert await report(device, id, 2) == reported
    assert (await report(device, id, 3)).reported_version == 3
    for version in (4, -1, 0):
        no = await refused(report(device, id, version))
        assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["version"])


async def test_of_ten_who_desire_at_once_each_has_a_version(operator, id):
    answers = await asyncio.gather(*(desire(operator, id, {"n": n}) for n in range(10)))
    assert sorted(answer.version for answer in answers) == list(range(1, 11))
    no = await refused(desire(operator, id, version=3))
    assert (no.code, no.reason) == ("ABORTED", "STALE_VERSION")


async def test_settings_that_make_no_sense_are_refused(admin, operator, id):
    infinite = pb.UpdateDeviceSettingsRequest(id=id)
    infinite.desired.fields["limit"].number_value = float("inf")
    for request in (
        pb.UpdateDeviceSettingsRequest(id=id),
        pb.UpdateDeviceSettingsRequest(id=id, desired={"a": "x" * 16_400}),
        pb.UpdateDeviceSettingsRequest(id=id, desired={"a": "\0"}),
        infinite,
    ):
        no = await refused(operator("UpdateDeviceSettings", request))
        assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["desired"])
    assert (await refused(desire(operator, id, version=-1))).fields == ["version"]
    assert (await get(operator, id)).version == 0
    for call in (get(operator, 999), desire(operator, 999)):
        assert (await refused(call)).reason == "DEVICE_NOT_FOUND"
    await admin.retire(id)
    no = await refused(desire(operator, id))
    assert (no.code, no.reason) == ("FAILED_PRECONDITION", "DEVICE_RETIRED")


async def test_a_device_reaches_its_own_settings_alone(viewer, operator, device, id):
    await get(viewer, id)
    other = id + 1
    for call in (get(device, other), report(device, other, 1)):
        assert (await refused(call)).reason == "NOT_OWN_DEVICE"
    for call in (desire(viewer, id), desire(device, id), report(operator, id, 1)):
        assert (await refused(call)).code == "PERMISSION_DENIED"
    assert (await ended(watch(operator))).code == "PERMISSION_DENIED"


@asynccontextmanager
async def on_another_replica(replica, device_at, id):
    async with replica() as channel:
        yield device_at(channel, id)


async def test_a_connected_device_hears_of_a_change_within_two_seconds_on_any_replica(
    operator, device, id, replica, device_at, admin
):
    other_id = (await admin.register("SN-2")).device.id
    async with on_another_replica(replica, device_at, other_id) as elsewhere:
        streams = {id: watch(device), other_id: watch(elsewhere)}
        for stream in streams.values():
            assert (await stream.read()).version == 0
        for watched, stream in streams.items():
            began = monotonic()
            await desire(operator, watched, {"interval": watched})
            settings = await stream.read()
            assert (settings.device_id, settings.version, settings.desired["interval"]) == (watched, 1, watched)
            assert monotonic() - began < 2
        for stream in streams.values():
            stream.cancel()


async def test_the_newest_stream_of_a_device_wins_on_the_same_replica_and_on_another(device, id, replica, device_at):
    first = watch(device)
    await first.read()
    second = watch(device)
    await second.read()
    no = await ended(first)
    assert (no.code, no.reason) == ("ABORTED", "STREAM_REPLACED")
    async with on_another_replica(replica, device_at, id) as elsewhere:
        third = watch(elsewhere)
        await third.read()
        no = await asyncio.wait_for(ended(second), 5)
        assert (no.code, no.reason) == ("ABORTED", "STREAM_REPLACED")
        third.cancel()


async def test_of_streams_that_open_at_once_on_two_replicas_one_is_left(device, id, replica, device_at, operator):
    async with on_another_replica(replica, device_at, id) as elsewhere:
        for round in range(5):
            streams = [watch(device), watch(elsewhere)]
            await asyncio.gather(*(stream.read() for stream in streams), return_exceptions=True)
            ends = [asyncio.ensure_future(ended(stream)) for stream in streams]
            done, left = await asyncio.wait(ends, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            assert [(await end).reason for end in done] == ["STREAM_REPLACED"]
            await desire(operator, id, {"round": round})
            await asyncio.sleep(0.2)
            assert len(left) == 1
            assert not next(iter(left)).done()
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*left, return_exceptions=True)


async def test_a_stream_ends_when_its_device_is_retired(admin, device, id):
    stream = watch(device)
    await stream.read()
    await admin.retire(id)
    no = await asyncio.wait_for(ended(stream), 2)
    assert (no.code, no.reason) == ("FAILED_PRECONDITION", "DEVICE_RETIRED")
    assert (await ended(watch(device))).reason == "DEVICE_RETIRED"


async def test_a_stream_ends_with_its_token(channel, issuer, with_token, id):
    stream = watch(with_token(channel, issuer.token(Kind.DEVICE, id, ttl=1.5)))
    await stream.read()
    no = await asyncio.wait_for(ended(stream), 5)
    assert (no.code, no.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


async def test_a_change_while_the_notices_were_cut_off_is_heard_of_all_the_same(operator, device, id, database):
    stream = watch(device)
    await stream.read()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE %s",
            ["LISTEN device_settings%"],
        )
    await desire(operator, id)
    assert (await asyncio.wait_for(stream.read(), 5)).version == 1
    stream.cancel()


async def test_streams_end_with_the_service_and_do_not_hold_it_up(service, device_at, id):
    async with AsyncExitStack() as channels:
        async with service() as server:
            channel = await channels.enter_async_context(channel_to(server.port))
            stream = watch(device_at(channel, id))
            await stream.read()
            end = asyncio.ensure_future(ended(stream))
            began = monotonic()
        assert monotonic() - began < 4
        no = await end
        assert (no.code, no.reason) == ("UNAVAILABLE", "GOING_DOWN")


def test_there_are_only_so_many_streams():
    watches = Watches(most=1)
    with watches.open(1), watches.open(1), pytest.raises(Exception, match="as many streams"), watches.open(2):
        pass
    with watches.open(2):
        pass
