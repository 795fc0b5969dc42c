"""auth-svc as it runs, with a database and a broker of the test's own."""

import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
    key_service_pb2,
    revocation_service_pb2,
    service_account_service_pb2,
    session_service_pb2,
    user_service_pb2,
)
from fieldstock.inventory.v1 import device_pb2, events_pb2
from servicekit import testing
from servicekit.access import Caller, Verifier
from servicekit.broker import Broker, Event
from servicekit.keys import RemoteKeys
from servicekit.testing import (
    Clock,
    Heard,
    Metadata,
    channel_to,
    eventually,
    fresh_database,
    fresh_vhost,
    metadata_of,
)

ADMIN, PASSWORD = "admin", "correct horse battery staple"


class Client(testing.Client):
    """What may be asked of auth-svc: by anybody, or by whomever the metadata's token speaks for."""

    protos = (
        device_token_service_pb2,
        key_service_pb2,
        revocation_service_pb2,
        service_account_service_pb2,
        session_service_pb2,
        user_service_pb2,
    )

    def __init__(self, channel: grpc.aio.Channel, clock: Clock, metadata: Metadata = ()) -> None:
        super().__init__(channel, metadata)
        self._clock = clock
        self._verifier = Verifier(RemoteKeys(channel), clock=lambda: clock().timestamp())

    async def login(self, username: str = ADMIN, password: str = PASSWORD) -> Any:
        return await self.Login(username=username, password=password)

    async def signed_in(self, username: str = ADMIN, password: str = PASSWORD) -> "Client":
        """Somebody, by a token of theirs."""
        return Client(self._channel, self._clock, metadata_of((await self.login(username, password)).access_token))

    async def refresh(self, refresh_token: str) -> Any:
        return await self.Refresh(refresh_token=refresh_token)

    async def logout(self, refresh_token: str) -> Any:
        return await self.Logout(refresh_token=refresh_token)

    async def device_token(self, serial_number: str, secret: str) -> Any:
        return await self.IssueDeviceToken(serial_number=serial_number, secret=secret)

    async def key_ids(self) -> list[str]:
        """Of all published keys."""
        return [key.kid for key in (await self.key_set()).keys]

    async def key_set(self) -> Any:
        return await self.GetKeySet()

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


@pytest.fixture
async def root(auth: Client) -> Client:
    """The first admin, signed in."""
    return await auth.signed_in()


@pytest.fixture
def signed_in(auth: Client) -> Callable[..., Awaitable[Client]]:
    """Somebody, signed in."""
    return auth.signed_in


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
    async with Heard().listening(vhost, "auth.#") as heard:
        yield heard


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
