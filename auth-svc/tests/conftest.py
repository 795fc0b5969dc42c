"""auth-svc as it runs, with a database and a broker of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg
import pytest
from pydantic import SecretStr

from auth_svc.__main__ import MIGRATIONS
from auth_svc.app import prepare, running
from auth_svc.consumers import QUEUE
from auth_svc.settings import MigrationSettings, Settings
from fieldstock.auth.v1 import (
    device_token_service_pb2,
    device_token_service_pb2_grpc,
    key_service_pb2,
    key_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)
from fieldstock.inventory.v1 import device_pb2, events_pb2
from servicekit.access import Caller, Verifier
from servicekit.broker import Broker, Event
from servicekit.keys import RemoteKeys
from servicekit.testing import channel_to, fresh_database, fresh_vhost

ADMIN, PASSWORD = "admin", "correct horse battery staple"


class Clock:
    """A clock that tells the time of day, until it is moved."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def move(self, **ahead: float) -> None:
        """As timedelta's arguments: `move(days=30)`."""
        self._ahead += timedelta(**ahead)


class Auth:
    """What anybody can ask of auth-svc."""

    def __init__(self, channel: grpc.aio.Channel, clock: Clock) -> None:
        self._sessions: Any = session_service_pb2_grpc.SessionServiceStub(channel)
        self._devices: Any = device_token_service_pb2_grpc.DeviceTokenServiceStub(channel)
        self._keys: Any = key_service_pb2_grpc.KeyServiceStub(channel)
        self._verifier = Verifier(RemoteKeys(channel), clock=lambda: clock().timestamp())

    async def login(self, username: str = ADMIN, password: str = PASSWORD) -> Any:
        request = session_service_pb2.LoginRequest(username=username, password=password)
        return await self._sessions.Login(request, timeout=10)

    async def refresh(self, refresh_token: str) -> Any:
        return await self._sessions.Refresh(session_service_pb2.RefreshRequest(refresh_token=refresh_token), timeout=10)

    async def logout(self, refresh_token: str) -> Any:
        return await self._sessions.Logout(session_service_pb2.LogoutRequest(refresh_token=refresh_token), timeout=10)

    async def device_token(self, serial_number: str, secret: str) -> Any:
        request = device_token_service_pb2.IssueDeviceTokenRequest(serial_number=serial_number, secret=secret)
        return await self._devices.IssueDeviceToken(request, timeout=10)

    async def key_ids(self) -> list[str]:
        """Of all published keys."""
        return [key.kid for key in (await self.key_set()).keys]

    async def key_set(self) -> Any:
        return await self._keys.GetKeySet(key_service_pb2.GetKeySetRequest(), timeout=10)

    async def caller(self, token: str) -> Caller:
        """Who another service would take the token's bearer for."""
        return await self._verifier.verify(token)


class Inventory:
    """Tells of devices, in the place of inventory-svc."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def tell(self, key: str, message: Any) -> None:
        """Publishes an event, for which auth's queue must be there."""
        await self._broker.publish(Event.of(f"inventory.device.{key}", message), mandatory=True)

    async def device(self, id: int = 7, status: str = "deployed", version: int = 2, serial: str = "SN-7") -> None:
        device = device_pb2.Device(id=id, serial_number=serial, status=status, version=version)
        await self.tell(status, events_pb2.DeviceChanged(device=device))

    async def credential(self, sha256: bytes, id: int = 7, version: int = 1, serial: str = "SN-7") -> None:
        changed = events_pb2.DeviceCredentialChanged(
            device_id=id, serial_number=serial, secret_sha256=sha256, version=version
        )
        await self.tell("credential", changed)


class Heard:
    """Events of auth that reached another service."""

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
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(servers: object) -> Iterator[str]:
    with fresh_database(MIGRATIONS) as url:
        yield url


@pytest.fixture
def vhost(servers: object) -> Iterator[str]:
    with fresh_vhost() as url:
        yield url


@pytest.fixture
def settings(database: str, vhost: str) -> MigrationSettings:
    return MigrationSettings(amqp_url=vhost, postgres_url=database, admin_password=SecretStr(PASSWORD))


@pytest.fixture
async def auth(settings: MigrationSettings, clock: Clock) -> AsyncIterator[Auth]:
    await prepare(settings)
    serving = Settings(amqp_url=settings.amqp_url, postgres_url=settings.postgres_url)
    async with running(serving, clock) as server, channel_to(server.port) as channel:
        yield Auth(channel, clock)


@pytest.fixture
async def rows(database: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Auth's tables, for what no RPC shows or does yet."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def inventory(auth: Auth, vhost: str) -> AsyncIterator[Inventory]:
    async with Broker(vhost, "inventory") as broker:
        yield Inventory(broker)


@pytest.fixture
async def buried(auth: Auth, vhost: str) -> AsyncIterator[Heard]:
    """What auth could not read."""
    heard = Heard()
    async with Broker(vhost, "undertaker") as broker:
        broker.consume(f"{QUEUE}.dead", [], heard.handle)
        yield heard


@pytest.fixture
async def heard(vhost: str) -> AsyncIterator[Heard]:
    """What auth tells others."""
    listening = Heard()
    async with Broker(vhost, "listener") as broker:
        broker.consume("listener", ["auth.#"], listening.handle)
        await broker.declare("listener", ["auth.#"])
        yield listening
