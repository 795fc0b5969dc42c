"""The door that every RPC goes through, over a real channel."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from fieldstock.inventory.v1 import (
    device_pb2,
    device_service_pb2,
    device_service_pb2_grpc,
    settings_pb2,
    settings_service_pb2,
    settings_service_pb2_grpc,
)
from servicekit import server as server_module
from servicekit.access import Kind, caller
from servicekit.errors import ServiceError
from servicekit.server import serve
from servicekit.testing import channel_to, eventually, refused


class TooHeavy(ServiceError):
    """Device {device_id} weighs {kilograms} kg."""

    code, reason = grpc.StatusCode.FAILED_PRECONDITION, "TOO_HEAVY"


GET = "/fieldstock.inventory.v1.DeviceService/GetDevice"


def counted(code):
    return REGISTRY.get_sample_value("fieldstock_rpcs_total", {"method": GET, "code": code}) or 0.0


class Devices(device_service_pb2_grpc.DeviceServiceServicer):
    """Does what the id asks for."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def GetDevice(self, request, context):
        match request.id:
            case 1:
                raise TooHeavy(device_id=1, kilograms=80, retry_after=1.5)
            case 2:
                raise ZeroDivisionError("the secret reason")
            case 3:
                try:
                    await asyncio.sleep(60)
                finally:
                    self.ended.set()
            case 4:
                raise TimeoutError("of something inside")
            case 5:
                raise ConnectionRefusedError("at 10.0.0.7")
        return device_pb2.Device(id=request.id, name=caller().name)


@pytest.fixture
async def channel(issuer):
    registration = (device_service_pb2_grpc.add_DeviceServiceServicer_to_server, Devices())
    serving = serve(
        "127.0.0.1:0", [registration], issuer.verifier(), away=lambda error: isinstance(error, ConnectionError)
    )
    async with serving as server, channel_to(server.port) as channel:
        yield channel


@pytest.fixture
def stub(channel):
    return device_service_pb2_grpc.DeviceServiceStub(channel)


def get(stub, issuer, id):
    return stub.GetDevice(device_service_pb2.GetDeviceRequest(id=id), metadata=issuer.metadata(), timeout=5)


async def test_a_service_error_goes_out_with_its_reason_and_its_facts(stub, issuer):
    no = await refused(get(stub, issuer, 1))
    assert (no.code, no.reason, no.message) == ("FAILED_PRECONDITION", "TOO_HEAVY", "Device 1 weighs 80 kg.")


def test_what_a_caller_sent_is_not_told_back_without_end():
    # Envoy would end its connection, with everybody's calls, over headers beyond 60 KiB.
    error = TooHeavy(device_id=1, kilograms="9" * 1_000_000)
    assert len(error.message) + error.status().ByteSize() < 2_000


async def test_a_bug_says_nothing_but_the_number_of_its_request(stub, issuer):
    request = device_service_pb2.GetDeviceRequest(id=2)
    no = await refused(stub.GetDevice(request, metadata=(*issuer.metadata(), ("x-request-id", "r-77")), timeout=5))
    assert (no.code, no.reason) == ("INTERNAL", "INTERNAL")
    assert "r-77" in no.message
    assert "secret" not in no.message
    assert (await refused(get(stub, issuer, 4))).code == "INTERNAL"


async def test_a_database_that_is_away_is_no_bug(stub, issuer):
    no = await refused(get(stub, issuer, 5))
    assert (no.code, no.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
    assert "10.0.0.7" not in no.message


async def test_a_call_that_takes_too_long_is_given_up(stub, issuer, monkeypatch):
    monkeypatch.setattr(server_module, "UNARY_CAP_SECONDS", 0.05)
    no = await refused(get(stub, issuer, 3))
    assert (no.code, no.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


async def test_a_caller_without_a_good_token_is_turned_away(stub, issuer):
    request = device_service_pb2.GetDeviceRequest(id=7)
    for authorization in ("", "Bearer ", "Basic abc", f"Bearer {issuer.token(ttl=-1)}", f"bearer x{issuer.token()}"):
        no = await refused(stub.GetDevice(request, metadata=(("authorization", authorization),), timeout=5))
        assert (no.code, no.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    assert (await get(stub, issuer, 7)).name == "admin"


async def test_required_fields_are_asked_for_by_name(stub, issuer):
    request = device_service_pb2.DeployDeviceRequest(id=7, location="  ")
    no = await refused(stub.DeployDevice(request, metadata=issuer.metadata(), timeout=5))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["location"])


@pytest.mark.parametrize("body", [b"\xff\xff", b'"\x02\xff\xfe'], ids=["no protobuf", "a string that is no UTF-8"])
async def test_what_is_no_protobuf_is_the_callers_mistake(channel, issuer, body):
    call = channel.unary_unary("/fieldstock.inventory.v1.DeviceService/ListDevices")
    no = await refused(call(body, metadata=issuer.metadata(), timeout=5))
    assert (no.code, no.reason) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")


async def test_health_is_told_without_a_token_and_ends_before_the_server(issuer):
    registration = (device_service_pb2_grpc.add_DeviceServiceServicer_to_server, Devices())
    async with serve("127.0.0.1:0", [registration], issuer.verifier()) as server, channel_to(server.port) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        check = health_pb2.HealthCheckRequest()
        assert (await health.Check(check)).status == health_pb2.HealthCheckResponse.SERVING
        await server.set_serving(False)
        assert (await health.Check(check)).status == health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize(
    ("id", "code"), [(1, "FAILED_PRECONDITION"), (2, "INTERNAL"), (3, "DEADLINE_EXCEEDED"), (4, "INTERNAL"), (7, "OK")]
)
async def test_a_call_is_counted_by_what_it_came_to(stub, issuer, monkeypatch, id, code):
    monkeypatch.setattr(server_module, "UNARY_CAP_SECONDS", 0.05)
    codes = {"OK", "FAILED_PRECONDITION", "INTERNAL", "DEADLINE_EXCEEDED"}
    before = {code: counted(code) for code in codes}
    assert (await get(stub, issuer, id).code()).name == code

    async def told():
        return {each for each in codes if counted(each) > before[each]}

    assert await eventually(told) == {code}


async def test_a_call_ends_with_the_deadline_of_its_caller(issuer):
    devices = Devices()
    registration = (device_service_pb2_grpc.add_DeviceServiceServicer_to_server, devices)
    async with serve("127.0.0.1:0", [registration], issuer.verifier()) as server, channel_to(server.port) as channel:
        stub = device_service_pb2_grpc.DeviceServiceStub(channel)
        request = device_service_pb2.GetDeviceRequest(id=3)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetDevice(request, metadata=issuer.metadata(), timeout=0.1)
        assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(devices.ended.wait(), 5)


async def test_a_running_call_is_let_finish_and_a_new_one_is_not_taken(issuer):
    devices, go_on = Devices(), asyncio.Event()

    async def wait(request, context):
        devices.ended.set()
        await go_on.wait()
        return device_pb2.Device(id=request.id)

    devices.GetDevice = wait
    registration = (device_service_pb2_grpc.add_DeviceServiceServicer_to_server, devices)
    serving = serve("127.0.0.1:0", [registration], issuer.verifier())
    server = await serving.__aenter__()
    async with channel_to(server.port) as channel, channel_to(server.port) as another:
        running = asyncio.ensure_future(get(device_service_pb2_grpc.DeviceServiceStub(channel), issuer, 7))
        await asyncio.wait_for(devices.ended.wait(), 5)
        closing = asyncio.create_task(serving.__aexit__(None, None, None))

        async def turned_away():
            try:
                await another.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=1)
            except grpc.aio.AioRpcError as error:
                return error.code() is grpc.StatusCode.UNAVAILABLE
            return False

        await eventually(turned_away)
        go_on.set()
        assert (await running).id == 7
        await asyncio.wait_for(closing, 5)


class Watched(settings_service_pb2_grpc.DeviceSettingsServiceServicer):
    """Streams two answers, and then ends as it is told to."""

    def __init__(self, end):
        self._end = end
        self.ended = asyncio.Event()

    async def WatchDeviceSettings(self, request, context):
        try:
            for version in (1, 2):
                yield settings_pb2.DeviceSettings(device_id=caller().id, version=version)
            await self._end()
        finally:
            self.ended.set()


@asynccontextmanager
async def watching(issuer, end):
    servicer = Watched(end)
    registration = (settings_service_pb2_grpc.add_DeviceSettingsServiceServicer_to_server, servicer)
    async with serve("127.0.0.1:0", [registration], issuer.verifier()) as server, channel_to(server.port) as channel:
        stub = settings_service_pb2_grpc.DeviceSettingsServiceStub(channel)

        def watch(*who):
            request = settings_service_pb2.WatchDeviceSettingsRequest()
            return stub.WatchDeviceSettings(request, metadata=issuer.metadata(*(who or (Kind.DEVICE, 7))), timeout=5)

        yield servicer, watch


async def take(call, into):
    async for settings in call:
        into.append((settings.device_id, settings.version))


async def nothing():
    pass


async def test_a_streamed_answer_comes_whole_to_who_may_ask_for_it(issuer):
    async with watching(issuer, nothing) as (_, watch):
        taken = []
        await take(watch(), taken)
        assert taken == [(7, 1), (7, 2)]
        no = await refused(take(watch(Kind.USER, 1), taken))
        assert (no.code, no.reason, len(taken)) == ("PERMISSION_DENIED", "PERMISSION_DENIED", 2)


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (TooHeavy(device_id=7, kilograms=80), "FAILED_PRECONDITION", "TOO_HEAVY"),
        (KeyError("secret"), "INTERNAL", "INTERNAL"),
    ],
)
async def test_a_stream_that_fails_half_way_says_why_and_is_counted(issuer, error, code, reason):
    async def fail():
        raise error

    def counted():
        labels = {"method": "/fieldstock.inventory.v1.DeviceSettingsService/WatchDeviceSettings", "code": code}
        return REGISTRY.get_sample_value("fieldstock_rpcs_total", labels) or 0

    before = counted()
    async with watching(issuer, fail) as (_, watch):
        taken = []
        no = await refused(take(watch(), taken))
        assert (no.code, no.reason, taken) == (code, reason, [(7, 1), (7, 2)])
        assert "secret" not in no.message
    assert counted() == before + 1


async def test_a_stream_whose_caller_goes_is_ended(issuer):
    async with watching(issuer, asyncio.Event().wait) as (servicer, watch):
        call = watch()
        await call.read()
        assert not servicer.ended.is_set()
        call.cancel()
        await asyncio.wait_for(servicer.ended.wait(), 5)
