"""The whole product, running, and those who use it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import httpx
import pytest
import socketio

from fieldstock.auth.v1 import device_token_service_pb2, device_token_service_pb2_grpc
from fieldstock.telemetry.v1 import ingest_service_pb2_grpc, reading_pb2
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually, refused


@pytest.fixture(scope="session")
def stack(servers: Stack) -> Stack:
    """All services behind Envoy, on the servers of this run."""
    servers.start("auth", "inventory", "telemetry", "gateway", "envoy")
    return servers


class Rest:
    """REST as a browser or curl speaks it; answers are JSON."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The answer of a call that must succeed."""
        response = await self.http.request(method, path, json=body, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    async def refused(self, method: str, path: str, body: Any = None, **options: Any) -> "Refusal":
        """What a call that must fail says."""
        response = await self.http.request(method, path, json=body, **options)
        assert response.is_error, f"{method} {path} was not refused: {response.text}"
        return Refusal(response)

    async def new_device(self, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """Registers a device; gives it and its credential."""
        serial = f"SN-{uuid4().hex[:12]}"
        given = {"name": f"Sensor {serial}", "type": "sensor", "serial_number": serial, "location": "Warehouse A"}
        answer = await self("POST", "/devices/", {**given, **fields})
        return answer["device"], answer["credential"]


class Refusal:
    """An error as REST shows it: every one has a code, a message, and a reason."""

    def __init__(self, response: httpx.Response) -> None:
        assert response.headers["content-type"] == "application/json", response.text
        error = response.json()
        self.status = response.status_code
        self.code, self.message = error["code"], error["message"]
        details = {detail["@type"].rpartition(".")[2]: detail for detail in error["details"]}
        self.reason = details["ErrorInfo"]["reason"]
        assert details["ErrorInfo"]["domain"] == "fieldstock"
        violations = details.get("BadRequest", {}).get("field_violations", [])
        self.fields = sorted(violation["field"] for violation in violations)

    def __repr__(self) -> str:
        return f"<{self.status} {self.reason}: {self.message}>"


@pytest.fixture
async def anyone(stack: Stack) -> AsyncIterator[Rest]:
    """Without a token."""
    async with httpx.AsyncClient(base_url=stack.base_url, timeout=30) as http:
        yield Rest(http)


@pytest.fixture
async def admin(anyone: Rest, stack: Stack) -> AsyncIterator[Rest]:
    """Signed in as the first admin."""
    given = {"username": stack.admin_username, "password": stack.admin_password}
    token = (await anyone("POST", "/auth/login", given))["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=30) as http:
        yield Rest(http)


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[grpc.aio.Channel]:
    """gRPC through Envoy, at the port that REST has."""
    async with grpc.aio.insecure_channel(urlsplit(stack.base_url).netloc) as channel:
        yield channel


@pytest.fixture
async def socket(stack: Stack, admin: Rest) -> AsyncIterator[socketio.AsyncSimpleClient]:
    """The official Socket.IO client, signed in; connected through Envoy."""
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(
            stack.base_url, socketio_path="/ws/monitoring", transports=["websocket"], auth={"token": token}
        )
        yield client


class Device:
    """A device as it speaks to us: gRPC, with nothing but its credential."""

    def __init__(self, id: int, credential: dict[str, str], channel: grpc.aio.Channel) -> None:
        self.id = id
        self._credential = credential
        self._tokens: Any = device_token_service_pb2_grpc.DeviceTokenServiceStub(channel)
        self._ingest: Any = ingest_service_pb2_grpc.IngestServiceStub(channel)

    async def token(self) -> str:
        """Asks for an access token."""
        request = device_token_service_pb2.IssueDeviceTokenRequest(**self._credential)
        answer = await self._tokens.IssueDeviceToken(request, timeout=5)
        assert answer.device_id == self.id
        return answer.access_token

    async def token_when_deployed(self) -> str:
        """Asks until the services have heard of the deployment."""

        async def granted() -> str | None:
            try:
                return await self.token()
            except grpc.aio.AioRpcError:
                return None

        token = await eventually(granted)
        assert token
        return token

    def stream(self, token: str) -> Any:
        """Opens a stream of readings."""
        return self._ingest.StreamReadings(metadata=(("authorization", f"Bearer {token}"),))

    async def refused_token(self) -> Any:
        """What the refusal of a token says."""
        return await refused(self.token())


def batch(
    sequence: int, *rows: dict[str, float], time_ms: int | None = None, **fields: Any
) -> reading_pb2.ReadingBatch:
    """Rows that have the same metrics, a millisecond apart."""
    now = time_ms or int(time.time() * 1000) - len(rows)
    series = [reading_pb2.Series(metric=name, values=[row[name] for row in rows]) for name in rows[0]]
    times = [now + n for n in range(len(rows))]
    return reading_pb2.ReadingBatch(sequence=sequence, time_ms=times, series=series, **fields)


@pytest.fixture
def speak() -> Callable[..., reading_pb2.ReadingBatch]:
    """Makes a batch of readings."""
    return batch


@pytest.fixture
async def stocked(admin: Any, door: grpc.aio.Channel) -> Device:
    """A new device, in stock."""
    device, credential = await admin.new_device()
    return Device(device["id"], credential, door)


@pytest.fixture
async def deployed(admin: Any, stocked: Device) -> Device:
    """A new device, in the field."""
    await admin("PUT", f"/devices/{stocked.id}/deploy", {"location": "Factory A - Floor 3"})
    return stocked


@pytest.fixture
def make_ready(admin: Rest, door: grpc.aio.Channel) -> Callable[[], Awaitable[Device]]:
    """Makes a device that is deployed, and known to be by all services."""

    async def make() -> Device:
        device, credential = await admin.new_device()
        await admin("PUT", f"/devices/{device['id']}/deploy", {"location": "Factory A"})
        ready = Device(device["id"], credential, door)
        await ready.token_when_deployed()

        async def watched() -> bool:
            response = await admin.http.get(f"/monitoring/devices/{ready.id}")
            return response.is_success and response.json()["status"] == "deployed"

        await eventually(watched)
        return ready

    return make


@pytest.fixture
async def ready(make_ready: Callable[[], Awaitable[Device]]) -> Device:
    """A device that is deployed, and known to be by all services."""
    return await make_ready()
