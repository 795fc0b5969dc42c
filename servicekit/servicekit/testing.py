"""Fixtures for a service's tests: a database and a broker of its own, and tokens that its server takes.

The servers are real; FIELDSTOCK_POSTGRES_URL, FIELDSTOCK_MONGODB_URI, FIELDSTOCK_AMQP_URL and
FIELDSTOCK_RABBITMQ_MANAGEMENT_URL say where.
"""

import asyncio
import json
import os
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import grpc
import jwt
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.rpc import error_details_pb2, status_pb2
from psycopg import sql

from servicekit.access import ALGORITHM, AUDIENCE, ISSUER, Kind, Role, Verifier
from servicekit.database import migrate

T = TypeVar("T")


class Issuer:
    """Signs tokens, in the place of auth-svc."""

    kid = "test"

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._verifiers: list[Verifier] = []

    async def keys(self, kid: str) -> object | None:
        """A KeySource of the one key."""
        return self._key.public_key() if kid == self.kid else None

    def verifier(self) -> Verifier:
        """Takes the tokens of this issuer."""
        self._verifiers.append(Verifier(self.keys))
        return self._verifiers[-1]

    def revoke(self, principal: str) -> None:
        """Takes back the tokens of a principal that were issued so far."""
        for verifier in self._verifiers:
            verifier.revoke(principal, time.time())

    def token(self, kind: Kind = Kind.USER, id: int = 1, role: Role | None = Role.ADMIN, ttl: float = 900) -> str:
        """A token of a principal; a negative `ttl` (seconds) gives one that has expired."""
        now = time.time()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{kind}:{id}",
            "name": f"{kind}-{id}" if kind is not Kind.USER or id != 1 else "admin",
            "iat": now,
            "exp": now + ttl,
        }
        if kind is Kind.USER and role:
            claims["role"] = role.name.lower()
        return jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self.kid})

    def metadata(self, kind: Kind = Kind.USER, id: int = 1, role: Role | None = Role.ADMIN) -> tuple[tuple[str, str]]:
        """gRPC metadata with a token."""
        return (("authorization", f"Bearer {self.token(kind, id, role)}"),)


@contextmanager
def empty_database() -> Iterator[str]:
    """A database with nothing in it; yields its URL, drops it afterwards."""
    server = os.environ["FIELDSTOCK_POSTGRES_URL"]
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def fresh_database(scripts: Path) -> Iterator[str]:
    """As `empty_database`, with the newest schema of some migrations."""
    with empty_database() as url:
        migrate(url, scripts)
        yield url


@contextmanager
def fresh_vhost() -> Iterator[str]:
    """A virtual host of RabbitMQ with nothing in it; yields its URL, drops it afterwards."""
    server = urlsplit(os.environ["FIELDSTOCK_AMQP_URL"])
    name = f"test-{uuid4().hex}"
    _manage("PUT", f"vhosts/{name}")
    try:
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        _manage("PUT", f"permissions/{name}/{quote(server.username or 'guest')}", everything)
        yield urlunsplit(server._replace(path=f"/{name}"))
    finally:
        _manage("DELETE", f"vhosts/{name}")


@contextmanager
def broker_user(vhost_url: str, name: str, *, may_write: str) -> Iterator[str]:
    """A user of RabbitMQ who may write to what matches, in a virtual host, and do nothing else; its URL."""
    parts = urlsplit(vhost_url)
    _manage("PUT", f"users/{quote(name)}", {"password": name, "tags": ""})
    try:
        leave = {"configure": "^$", "write": may_write, "read": "^$"}
        _manage("PUT", f"permissions/{parts.path.lstrip('/')}/{quote(name)}", leave)
        yield parts._replace(netloc=f"{quote(name)}:{quote(name)}@{parts.hostname}:{parts.port}").geturl()
    finally:
        _manage("DELETE", f"users/{quote(name)}")


async def close_connections(vhost_url: str, client: str | None = None) -> None:
    """Has RabbitMQ close all connections of a virtual host, as a restart would; or those of one client, by its name."""
    name = urlsplit(vhost_url).path.lstrip("/")

    async def found() -> list[str]:
        listed = await asyncio.to_thread(_manage, "GET", f"vhosts/{name}/connections")
        of = [connection.get("client_properties", {}).get("connection_name") for connection in listed]
        return [connection["name"] for connection, its in zip(listed, of, strict=True) if client in (None, its)]

    # The management plugin learns of a new connection a few seconds after it was made.
    for connection in await eventually(found, 20, 0.2):
        await asyncio.to_thread(_manage, "DELETE", f"connections/{quote(connection, safe='')}")


async def queues(vhost_url: str) -> list[str]:
    """The names of a virtual host's queues, those of single processes included."""
    name = urlsplit(vhost_url).path.lstrip("/")
    return [queue["name"] for queue in await asyncio.to_thread(_manage, "GET", f"queues/{name}?disable_stats=true")]


def _manage(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    management = urlsplit(os.environ["FIELDSTOCK_RABBITMQ_MANAGEMENT_URL"])
    credentials = b64encode(f"{management.username}:{management.password}".encode()).decode()
    request = urllib.request.Request(
        f"http://{management.hostname}:{management.port}/api/{path}",
        data=json.dumps(body or {}).encode() if method == "PUT" else None,
        method=method,
        headers={"authorization": f"Basic {credentials}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")


@asynccontextmanager
async def command(module: str, *arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module arguments`, told of FIELDSTOCK_<variables> and nothing else; killed if it is still there."""
    environment = {f"FIELDSTOCK_{name}": value for name, value in variables.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def log_line(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    """The next line of a process's log that tells of `event`. Raises ValueError for a line that is not JSON."""
    async with asyncio.timeout(20):
        while True:
            assert process.stderr is not None
            line = json.loads(await process.stderr.readline())
            if line["event"] == event:
                return line


@asynccontextmanager
async def channel_to(port: int) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server on this machine."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


async def eventually(look: Callable[[], Awaitable[T]], within: float = 5.0, every: float = 0.01) -> T:
    """The first true answer of `look`. Raises TimeoutError when there is none within so many seconds."""
    async with asyncio.timeout(within):
        while not (found := await look()):  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(every)
    return found


class Refused:
    """What a failed call said: its code, the stable reason, the fields at fault, and the words."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        metadata = dict(error.trailing_metadata() or ())
        status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])  # pyright: ignore[reportArgumentType] - bytes
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(bad)
        self.code = error.code().name
        self.reason = info.reason
        self.fields = sorted(violation.field for violation in bad.field_violations)
        self.message = status.message


async def refused(call: Awaitable[object]) -> Refused:
    """Awaits a call that must fail. Raises AssertionError when it succeeds."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return Refused(error)
    raise AssertionError(f"not refused: {answer!r}")
