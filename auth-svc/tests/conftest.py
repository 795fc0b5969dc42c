"""auth-svc as it runs, with a database and a broker of the test's own."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg
import pytest
from argon2 import PasswordHasher
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from auth_svc.__main__ import MIGRATIONS
from auth_svc.app import running
from auth_svc.consumers import KEYS, QUEUE
from auth_svc.models import Base
from auth_svc.settings import Settings
from fieldstock.auth.v1 import (
    device_token_service_pb2,
    device_token_service_pb2_grpc,
    key_service_pb2,
    key_service_pb2_grpc,
    revocation_service_pb2_grpc,
    service_account_service_pb2,
    service_account_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    user_service_pb2,
    user_service_pb2_grpc,
)
from fieldstock.inventory.v1 import device_pb2, events_pb2
from servicekit.access import Caller, Verifier
from servicekit.broker import Broker, Event
from servicekit.keys import RemoteKeys
from servicekit.testing import channel_to, eventually, fresh_database, fresh_vhost

ADMIN, PASSWORD = "admin", "correct horse battery staple"


class Clock:
    """A clock that tells the time of day, until it is moved."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._stopped: datetime | None = None

    def __call__(self) -> datetime:
        return (self._stopped or datetime.now(UTC)) + self._ahead

    def stop(self) -> None:
        """From now on time passes by `move` alone: for what must not depend on how busy the machine is."""
        self._stopped = datetime.now(UTC)

    def move(self, **ahead: float) -> None:
        """As timedelta's arguments: `move(days=30)`."""
        self._ahead += timedelta(**ahead)


class Client:
    """What anybody can ask of auth-svc."""

    def __init__(self, channel: grpc.aio.Channel, clock: Clock) -> None:
        self._sessions: Any = session_service_pb2_grpc.SessionServiceStub(channel)
        self._devices: Any = device_token_service_pb2_grpc.DeviceTokenServiceStub(channel)
        self._keys: Any = key_service_pb2_grpc.KeyServiceStub(channel)
        self.users: Any = user_service_pb2_grpc.UserServiceStub(channel)
        self.services: Any = service_account_service_pb2_grpc.ServiceAccountServiceStub(channel)
        self.revocations: Any = revocation_service_pb2_grpc.RevocationServiceStub(channel)
        self._verifier = Verifier(RemoteKeys(channel), clock=lambda: clock().timestamp())

    async def login(self, username: str = ADMIN, password: str = PASSWORD) -> Any:
        request = session_service_pb2.LoginRequest(username=username, password=password)
        return await self._sessions.Login(request, timeout=25)

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

    def __init__(self, broker: Broker, rows: psycopg.AsyncConnection) -> None:
        self._broker = broker
        self._rows = rows
        self._barriers = itertools.count(1_000_000)

    async def tell(self, key: str, body: bytes) -> None:
        """Publishes an event, for which auth's queue must be there."""
        await self._broker.publish(Event(f"inventory.device.{key}", body), mandatory=True)

    async def device(self, id: int = 7, status: str = "deployed", version: int = 2, serial: str = "SN-7") -> None:
        """An event of a change of a device."""
        device = device_pb2.Device(id=id, serial_number=serial, status=status, version=version)
        await self.tell(status, events_pb2.DeviceChanged(device=device).SerializeToString())

    async def credential(self, secret: str, id: int = 7, version: int = 1, serial: str = "SN-7") -> None:
        """An event of a device's new secret."""
        changed = events_pb2.DeviceCredentialChanged(
            device_id=id,
            serial_number=serial,
            secret_sha256=hashlib.sha256(secret.encode()).digest(),
            version=version,
        )
        await self.tell("credential", changed.SerializeToString())

    async def heard(self) -> None:
        """Returns when auth has handled all that was told: it has handled what was told last."""
        barrier = next(self._barriers)
        await self.device(barrier, "in_stock", 1, f"barrier {barrier}")
        await eventually(lambda: self._knows(barrier))

    async def _knows(self, device_id: int) -> Any:
        query = "SELECT 1 FROM t_device_principals WHERE device_id = %s"
        return await (await self._rows.execute(query, [device_id])).fetchone()


class Heard:
    """Events of auth that reached another service."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def handle(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def next(self, key: str) -> Event:
        """The next event of this key."""
        async with asyncio.timeout(5):
            while (event := await self._events.get()).key != key:
                pass
        return event

    def empty(self) -> bool:
        return self._events.empty()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def schema(servers: object) -> Iterator[str]:
    with fresh_database(MIGRATIONS) as url:
        yield url


@pytest.fixture(scope="module")
def vhost(servers: object) -> Iterator[str]:
    with fresh_vhost() as url:
        yield url


@pytest.fixture(scope="session")
def password_hash() -> str:
    return PasswordHasher().hash(PASSWORD)


@pytest.fixture
def database(schema: str) -> str:
    """A database in which nothing is."""
    tables = sql.SQL(", ").join(sql.Identifier(table) for table in Base.metadata.tables)
    with psycopg.connect(schema) as connection:
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
    return schema


@pytest.fixture
def settings(database: str, vhost: str) -> Settings:
    return Settings(amqp_url=vhost, postgres_url=database)


@pytest.fixture
def auth_at(clock: Clock) -> Callable[[int], AbstractAsyncContextManager[Client]]:
    """A client of whatever serves at a port."""

    @asynccontextmanager
    async def at(port: int) -> AsyncIterator[Client]:
        async with channel_to(port) as channel:
            yield Client(channel, clock)

    return at


@pytest.fixture
def admin(database: str, password_hash: str) -> None:
    """User 1, by ADMIN and PASSWORD."""
    insert = "INSERT INTO t_users (username, password_hash, role) VALUES (%s, %s, 'admin')"
    with psycopg.connect(database) as connection:
        connection.execute(insert, [ADMIN, password_hash])


@pytest.fixture
async def auth(settings: Settings, admin: None, clock: Clock, auth_at: Any) -> AsyncIterator[Client]:
    async with running(settings, clock) as server, auth_at(server.port) as client:
        yield client


class As:
    """What somebody may ask of auth-svc, by the names of its RPCs: `await admin.GetUser(id=1)`."""

    def __init__(self, auth: Client, token: str) -> None:
        self._stubs = (auth.users, auth.services)
        self.token = token

    def __getattr__(self, rpc: str) -> Callable[..., Awaitable[Any]]:
        """The RPC, which takes the fields of its request."""
        call = next(getattr(stub, rpc) for stub in self._stubs if hasattr(stub, rpc))
        request = _request(rpc)
        return lambda **fields: call(
            request(**fields), metadata=(("authorization", f"Bearer {self.token}"),), timeout=10
        )


def _request(rpc: str) -> Any:
    for module in (user_service_pb2, service_account_service_pb2):
        if hasattr(module, f"{rpc}Request"):
            return getattr(module, f"{rpc}Request")
    raise AttributeError(rpc)


@pytest.fixture
async def root(auth: Client) -> As:
    """The first admin, signed in."""
    return As(auth, (await auth.login()).access_token)


@pytest.fixture
def signed_in(auth: Client) -> Callable[..., Awaitable[As]]:
    """Somebody, signed in."""

    async def sign_in(username: str, password: str = PASSWORD) -> As:
        return As(auth, (await auth.login(username, password)).access_token)

    return sign_in


@pytest.fixture
async def rows(database: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Auth's tables, for what no RPC shows or does yet."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def lock_waits(rows: psycopg.AsyncConnection) -> Callable[[int], Awaitable[bool]]:
    """Whether so many of auth's transactions wait for a lock."""

    async def wait(many: int) -> bool:
        cursor = await rows.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        row = await cursor.fetchone()
        return row is not None and row[0] >= many

    return wait


@pytest.fixture
async def inventory(auth: Client, vhost: str, rows: psycopg.AsyncConnection) -> AsyncIterator[Inventory]:
    async with Broker(vhost, "inventory") as broker:
        await broker.declare(QUEUE, KEYS)
        yield Inventory(broker, rows)


@pytest.fixture
async def heard(vhost: str) -> AsyncIterator[Heard]:
    """What auth tells others."""
    listening, listens = Heard(), asyncio.Event()

    async def begin() -> None:
        listens.set()

    async with Broker(vhost, "listener") as broker:
        broker.subscribe(["auth.#"], listening.handle, on_connect=begin)
        await listens.wait()
        yield listening


@pytest.fixture
def outage(database: str, rows: psycopg.AsyncConnection) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Takes the database away from auth for as long as its block runs."""
    name = conninfo_to_dict(database)["dbname"]

    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        server = os.environ["FIELDSTOCK_POSTGRES_URL"]
        async with await psycopg.AsyncConnection.connect(server, autocommit=True) as connection:
            allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            await connection.execute(allow.format(sql.Identifier(name), False))
            try:
                auths = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
                await connection.execute(auths, [name, rows.info.backend_pid])
                yield
            finally:
                await connection.execute(allow.format(sql.Identifier(name), True))

    return away
