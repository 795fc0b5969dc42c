"""inventory-svc as it runs, with a database and a broker of the test's own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from fieldstock.inventory.v1 import device_service_pb2 as pb
from fieldstock.inventory.v1 import (
    device_service_pb2_grpc,
    device_type_service_pb2_grpc,
    settings_service_pb2_grpc,
    stock_service_pb2_grpc,
)
from inventory_svc.__main__ import MIGRATIONS
from inventory_svc.app import running
from inventory_svc.settings import Settings
from servicekit.access import Kind, Role
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import Issuer, channel_to, fresh_database


class Client:
    """Inventory's services, called by one principal."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Any) -> None:
        self._stubs: list[Any] = [
            device_service_pb2_grpc.DeviceServiceStub(channel),
            device_type_service_pb2_grpc.DeviceTypeServiceStub(channel),
            settings_service_pb2_grpc.DeviceSettingsServiceStub(channel),
            stock_service_pb2_grpc.StockServiceStub(channel),
        ]
        self._metadata = metadata

    def __call__(self, method: str, request: Any, timeout: float | None = 10) -> Any:
        stub = next(stub for stub in self._stubs if hasattr(stub, method))
        return getattr(stub, method)(request, metadata=self._metadata, timeout=timeout)

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

    async def update(self, id: int, **fields: Any) -> Any:
        return await self("UpdateDevice", pb.UpdateDeviceRequest(id=id, **fields))

    async def reserve(self, id: int, reserved_for: str = "Line 3", **fields: Any) -> Any:
        return await self("ReserveDevice", pb.ReserveDeviceRequest(id=id, reserved_for=reserved_for, **fields))

    async def relocate(self, id: int, location: str = "Depot", **fields: Any) -> Any:
        return await self("RelocateDevice", pb.RelocateDeviceRequest(id=id, location=location, **fields))

    async def renew(self, id: int, **fields: Any) -> Any:
        return await self("RenewCredential", pb.RenewCredentialRequest(id=id, **fields))

    async def act(self, action: str, **fields: Any) -> Any:
        return await self("ActOnDevices", pb.ActOnDevicesRequest(action=action, **fields))

    async def list(self, **filters: Any) -> Any:
        return await self("ListDevices", pb.ListDevicesRequest(**filters))

    async def logs(self, id: int, **fields: Any) -> Sequence[Any]:
        """The device's history, newest first."""
        return list((await self("ListDeviceLogs", pb.ListDeviceLogsRequest(id=id, **fields))).logs)


@pytest.fixture
def database(servers: object) -> Iterator[str]:
    with fresh_database(MIGRATIONS) as url:
        yield url


class Clock:
    """The time of the services of a test, which may be moved."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def move(self, **by: float) -> None:
        self._ahead += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(database: str, vhost: str, issuer: Issuer, clock: Clock) -> Callable[[], Any]:
    """A replica of the service; yields its server."""
    settings = Settings(amqp_url=vhost, postgres_url=database, auth_target="127.0.0.1:1")
    return lambda: running(settings, issuer.verifier(), clock)


@pytest.fixture
def replica(service: Callable[[], Any]) -> Callable[[], Any]:
    """A replica of the service; yields a channel to it."""

    @asynccontextmanager
    async def run() -> AsyncIterator[grpc.aio.Channel]:
        async with service() as server, channel_to(server.port) as channel:
            yield channel

    return run


@pytest.fixture
async def channel(replica: Callable[[], Any]) -> AsyncIterator[grpc.aio.Channel]:
    async with replica() as channel:
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


@pytest.fixture
def device_at(issuer: Issuer) -> Callable[[grpc.aio.Channel, int], Client]:
    """A device, at a replica."""
    return lambda channel, id: Client(channel, issuer.metadata(Kind.DEVICE, id))


@pytest.fixture
def with_token() -> Callable[[grpc.aio.Channel, str], Client]:
    """Whoever a token speaks for."""
    return lambda channel, token: Client(channel, (("authorization", f"Bearer {token}"),))


class Heard:
    """Events that reached a durable queue of another service."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def handle(self, events: Sequence[Event]) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def next(self, key: str) -> Event:
        """The next event, which must have this key."""
        event = await asyncio.wait_for(self._events.get(), 5)
        assert event.key == key
        return event

    def empty(self) -> bool:
        return self._events.empty()


@asynccontextmanager
async def listening(vhost: str, key: str) -> AsyncIterator[Heard]:
    heard = Heard()
    async with Broker(vhost, "listener") as broker:
        queue = f"listener.{key.split('.')[1]}"
        broker.consume(queue, [key], heard.handle)
        await broker.declare(queue, [key])
        yield heard


@pytest.fixture
async def heard(vhost: str) -> AsyncIterator[Heard]:
    async with listening(vhost, "inventory.device.*") as heard:
        yield heard


@pytest.fixture
async def heard_of_stock(vhost: str) -> AsyncIterator[Heard]:
    async with listening(vhost, "inventory.stock.*") as heard:
        yield heard


@pytest.fixture
async def heard_of_types(vhost: str) -> AsyncIterator[Heard]:
    async with listening(vhost, "inventory.type.*") as heard:
        yield heard
