"""What both flows need: a device that speaks, and an operator who listens."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
import socketio

from fieldstock.auth.v1 import device_token_service_pb2, device_token_service_pb2_grpc
from fieldstock.telemetry.v1 import ingest_service_pb2_grpc, reading_pb2
from servicekit.testing import eventually, refused


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


class Ear:
    """What a Socket.IO client hears."""

    def __init__(self, client: socketio.AsyncSimpleClient) -> None:
        self._client = client

    async def subscribe(self, *topics: str) -> None:
        """Returns when all of them were taken."""
        answer = await self._client.call("subscribe", {"topics": list(topics)})
        assert answer == {"taken": list(topics), "refused": []}

    async def hear(self, event: str, within: float = 10.0, **wanted: Any) -> dict[str, Any]:
        """The next such event that has these values."""
        end = time.monotonic() + within
        while True:
            name, *data = await self._client.receive(timeout=end - time.monotonic())
            if name == event and wanted.items() <= data[0].items():
                return data[0]


@pytest.fixture
async def ear(socket: socketio.AsyncSimpleClient) -> AsyncIterator[Ear]:
    return Ear(socket)
