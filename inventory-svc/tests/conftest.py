"""inventory-svc as it runs, with a database and a broker of the test's own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
import pytest

from fieldstock.inventory.v1 import device_service_pb2 as pb
from fieldstock.inventory.v1 import device_service_pb2_grpc
from inventory_svc.__main__ import MIGRATIONS
from inventory_svc.app import running
from inventory_svc.settings import Settings
from servicekit.access import Kind, Role
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import Issuer, channel_to, fresh_database


class Client:
    """DeviceService, called by one principal."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Any) -> None:
        self._stub: Any = device_service_pb2_grpc.DeviceServiceStub(channel)
        self._metadata = metadata

    async def __call__(self, method: str, request: Any) -> Any:
        return await getattr(self._stub, method)(request, metadata=self._metadata, timeout=10)

    async def register(self, serial: str = "SN-1", **fields: Any) -> Any:
        """A new device; answers with its credential."""
        return await self("RegisterDevice", pb.RegisterDeviceRequest(
            serial_number=serial, **{"name": f"Sensor {serial}", "type": "sensor", "location": "Warehouse A", **fields}
        ))  # fmt: skip

    async def get(self, id: int) -> Any:
        return await self("GetDevice", pb.GetDeviceRequest(id=id))

    async def deploy(self, id: int, location: str = "Factory A", **fields: Any) -> Any:
        return await self("DeployDevice", pb.DeployDeviceRequest(id=id, location=location, **fields))

    async def recall(self, id: int, location: str = "Warehouse B", **fields: Any) -> Any:
        return await self("RecallDevice", pb.RecallDeviceRequest(id=id, location=location, **fields))

    async def maintain(self, id: int, **fields: Any) -> Any:
        return await self("MaintainDevice", pb.MaintainDeviceRequest(id=id, **fields))

    async def retire(self, id: int, **fields: Any) -> Any:
        return await self("RetireDevice", pb.RetireDeviceRequest(id=id, **fields))

    async def logs(self, id: int) -> list[Any]:
        """The device's history, newest first."""
        return list((await self("ListDeviceLogs", pb.ListDeviceLogsRequest(id=id))).logs)


@pytest.fixture
def database(servers: object) -> Iterator[str]:
    with fresh_database(MIGRATIONS) as url:
        yield url


@pytest.fixture
async def channel(database: str, vhost: str, issuer: Issuer) -> AsyncIterator[grpc.aio.Channel]:
    settings = Settings(amqp_url=vhost, postgres_url=database, auth_target="127.0.0.1:1")
    async with running(settings, issuer.verifier()) as server, channel_to(server.port) as channel:
        yield channel


@pytest.fixture
def admin(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    return Client(channel, issuer.metadata())


@pytest.fixture
def client_at(issuer: Issuer) -> Callable[[int], AbstractAsyncContextManager[Client]]:
    """The admin, at whatever serves at a port."""

    @asynccontextmanager
    async def at(port: int) -> AsyncIterator[Client]:
        async with channel_to(port) as channel:
            yield Client(channel, issuer.metadata())

    return at


@pytest.fixture
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def viewer(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    return Client(channel, issuer.metadata(id=2, role=Role.VIEWER))


@pytest.fixture
def operator(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    return Client(channel, issuer.metadata(id=3, role=Role.OPERATOR))


@pytest.fixture
def device_7(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    return Client(channel, issuer.metadata(Kind.DEVICE, 7))


class Heard:
    """Events that reached a durable queue of another service."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def handle(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def next(self, key: str) -> Event:
        """The next event, which must have this key."""
        event = await asyncio.wait_for(self._events.get(), 5)
        assert event.key == key
        return event

    def empty(self) -> bool:
        return self._events.empty()


@pytest.fixture
async def heard(vhost: str) -> AsyncIterator[Heard]:
    listening = Heard()
    async with Broker(vhost, "listener") as broker:
        broker.consume("listener", ["inventory.device.*"], listening.handle)
        await broker.declare("listener", ["inventory.device.*"])
        yield listening
