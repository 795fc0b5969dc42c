"""inventory-svc as it runs, with a database and a broker of the test's own."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
import pytest

from fieldstock.inventory.v1 import (
    device_service_pb2,
    device_type_service_pb2,
    settings_service_pb2,
    stock_service_pb2,
)
from inventory_svc.__main__ import MIGRATIONS
from inventory_svc.app import running
from inventory_svc.settings import Settings
from servicekit import testing
from servicekit.access import Kind, Role
from servicekit.testing import Clock, Heard, Issuer, channel_to, fresh_database, metadata_of


class Client(testing.Client):
    """Inventory's services, called by one principal."""

    protos = (device_service_pb2, device_type_service_pb2, settings_service_pb2, stock_service_pb2)

    async def register(self, serial: str = "SN-1", **fields: Any) -> Any:
        """A new device; answers with its credential."""
        usual = {"name": f"Sensor {serial}", "type": "sensor", "location": "Warehouse A"}
        return await self.RegisterDevice(serial_number=serial, **{**usual, **fields})

    async def get(self, id: int) -> Any:
        return await self.GetDevice(id=id)

    async def deploy(self, id: int, location: str = "Factory A", **fields: Any) -> Any:
        return await self.DeployDevice(id=id, location=location, **fields)

    async def recall(self, id: int, location: str = "Warehouse B", **fields: Any) -> Any:
        return await self.RecallDevice(id=id, location=location, **fields)

    async def maintain(self, id: int, **fields: Any) -> Any:
        return await self.MaintainDevice(id=id, **fields)

    async def retire(self, id: int, **fields: Any) -> Any:
        return await self.RetireDevice(id=id, **fields)

    async def update(self, id: int, **fields: Any) -> Any:
        return await self.UpdateDevice(id=id, **fields)

    async def reserve(self, id: int, reserved_for: str = "Line 3", **fields: Any) -> Any:
        return await self.ReserveDevice(id=id, reserved_for=reserved_for, **fields)

    async def relocate(self, id: int, location: str = "Depot", **fields: Any) -> Any:
        return await self.RelocateDevice(id=id, location=location, **fields)

    async def renew(self, id: int, **fields: Any) -> Any:
        return await self.RenewCredential(id=id, **fields)

    async def act(self, action: str, **fields: Any) -> Any:
        return await self.ActOnDevices(action=action, **fields)

    async def list(self, **filters: Any) -> Any:
        return await self.ListDevices(**filters)

    async def logs(self, id: int, **fields: Any) -> Sequence[Any]:
        """The device's history, newest first."""
        return list((await self.ListDeviceLogs(id=id, **fields)).logs)


@pytest.fixture
def database(servers: object) -> Iterator[str]:
    with fresh_database(MIGRATIONS) as url:
        yield url


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
    return lambda channel, token: Client(channel, metadata_of(token))


@pytest.fixture
async def heard(vhost: str) -> AsyncIterator[Heard]:
    async with Heard().listening(vhost, "inventory.device.*") as heard:
        yield heard


@pytest.fixture
async def heard_of_stock(vhost: str) -> AsyncIterator[Heard]:
    async with Heard().listening(vhost, "inventory.stock.*") as heard:
        yield heard


@pytest.fixture
async def heard_of_types(vhost: str) -> AsyncIterator[Heard]:
    async with Heard().listening(vhost, "inventory.type.*") as heard:
        yield heard
