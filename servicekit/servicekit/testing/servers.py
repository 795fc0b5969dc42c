"""A database and a broker of a test's own.

The servers are real; FIELDSTOCK_POSTGRES_URL, FIELDSTOCK_AMQP_URL and FIELDSTOCK_RABBITMQ_MANAGEMENT_URL say where.
"""

import asyncio
import json
import os
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from servicekit.database import migrate
from servicekit.testing.clock import eventually


@contextmanager
def empty_database(template: str = "template1") -> Iterator[str]:
    """A database with nothing in it but what the template has; yields its URL, drops it afterwards."""
    name = f"test_{uuid4().hex}"
    words = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(os.environ["FIELDSTOCK_POSTGRES_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**words))
        try:
            yield _url_of(name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**words))


@contextmanager
def fresh_database(scripts: Path) -> Iterator[str]:
    """As `empty_database`, with the newest schema of some migrations."""
    with empty_database(_migrated(os.environ["FIELDSTOCK_POSTGRES_URL"], scripts)) as url:
        yield url


@cache
def _migrated(server: str, scripts: Path) -> str:
    """The name of a database that these migrations have made, of this process, on this server: to copy it takes a tenth
    of the time. It ends with the server."""
    name = f"migrated_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(_url_of(name), scripts)
    return name


def _url_of(database: str) -> str:
    return urlunsplit(urlsplit(os.environ["FIELDSTOCK_POSTGRES_URL"])._replace(path=f"/{database}"))


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


def publish(vhost_url: str, exchange: str, key: str, body: str, properties: Mapping[str, Any]) -> None:
    """Publishes a message by RabbitMQ itself, with properties that our library could not say."""
    name = urlsplit(vhost_url).path.lstrip("/")
    message = {"routing_key": key, "payload": body, "payload_encoding": "string", "properties": properties}
    _manage("POST", f"exchanges/{name}/{quote(exchange)}/publish", message)


async def close_connections(vhost_url: str, client: str | None = None) -> None:
    """Has RabbitMQ close all connections of a virtual host, as a restart would; or those of one client, by its name."""
    name = urlsplit(vhost_url).path.lstrip("/")

    def closed() -> int:
        """How many there were to be closed."""
        count = 0
        for connection in _manage("GET", f"vhosts/{name}/connections"):
            its = connection.get("client_properties", {}).get("connection_name")
            if client in (None, its):
                try:
                    _manage("DELETE", f"connections/{quote(connection['name'], safe='')}")
                except HTTPError as error:
                    # It is listed for a few seconds after it has ended.
                    if error.code != HTTPStatus.NOT_FOUND:
                        raise
                else:
                    count += 1
        return count

    # The management plugin learns of a new connection a few seconds after it was made.
    await eventually(lambda: asyncio.to_thread(closed), 20, 0.2)


async def queues(vhost_url: str) -> list[str]:
    """The names of a virtual host's queues, those of single processes included."""
    name = urlsplit(vhost_url).path.lstrip("/")
    return [queue["name"] for queue in await asyncio.to_thread(_manage, "GET", f"queues/{name}?disable_stats=true")]


def _manage(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    management = urlsplit(os.environ["FIELDSTOCK_RABBITMQ_MANAGEMENT_URL"])
    credentials = b64encode(f"{management.username}:{management.password}".encode()).decode()
    request = urllib.request.Request(
        f"http://{management.hostname}:{management.port}/api/{path}",
        data=json.dumps(body or {}).encode() if method in ("PUT", "POST") else None,
        method=method,
        headers={"authorization": f"Basic {credentials}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")
