"""Stacks of real servers: up, hurt, down."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pymongo
import pytest
from pydantic import SecretStr

from fieldstock_dev.errors import PartDied, PartUnhealthy, UnknownPart
from fieldstock_dev.home import Home
from fieldstock_dev.identity import Identity
from fieldstock_dev.ports import LOOPBACK
from fieldstock_dev.servers.postgres import GivenPostgres
from fieldstock_dev.settings import Settings
from fieldstock_dev.stack import Stack

SERVERS = ("postgres", "mongodb", "rabbitmq")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    nothing_given = Settings(postgres_url=None, mongodb_uri=None, amqp_url=None)
    stack = Stack(tmp_path_factory.mktemp("home"), parts=SERVERS, settings=nothing_given, small=True)
    yield stack
    stack.down()


@pytest.fixture
def servers(shared: Stack) -> Stack:
    """The three servers, all up, whatever the test before has done to them."""
    shared.up()
    return shared


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Stack]:
    """A stack of one server, which comes and goes quickly."""
    stack = Stack(tmp_path / "home", parts=("postgres",), small=True)
    stack.up()
    yield stack
    stack.down()


def running_in(home: Path) -> list[int]:
    """Every process whose command line or environment names the home."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except (FileNotFoundError, NotADirectoryError, PermissionError, ProcessLookupError):
            continue
        if os.fsencode(home) in words and folder.name not in ("self", "thread-self", str(os.getpid())):
            found.append(int(folder.name))
    return found


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


def test_the_servers_are_what_they_should_be(servers: Stack) -> None:
    with psycopg.connect(servers.postgres_url) as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
    assert {"fieldstock_auth", "fieldstock_inventory"} <= names
    with pymongo.MongoClient(servers.mongodb_uri) as client:
        hello = client.admin.command("hello")
        assert (hello["setName"], hello["isWritablePrimary"]) == ("rs0", True)
    queue = f"{servers.rabbitmq_management_url}/api/queues/fieldstock/orders"
    made = httpx.put(queue, json={"durable": True, "arguments": {"x-queue-type": "quorum"}})
    assert made.status_code in (httpx.codes.CREATED, httpx.codes.NO_CONTENT)


def test_nothing_listens_beyond_this_machine(servers: Stack) -> None:
    ours = {process.pid for process in servers.processes().values() if process.pid}
    sockets = {str(file.readlink()) for pid in ours for file in Path(f"/proc/{pid}/fd").iterdir()}
    tables = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    listening = [row[1] for row in tables if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    assert len(listening) >= 5  # three servers, RabbitMQ's management and its name server
    assert {address.partition(":")[0] for address in listening} <= {"0100007F", "00000000000000000000000001000000"}


def test_a_second_up_leaves_alone_what_runs(servers: Stack) -> None:
    before = {name: process.pid for name, process in servers.processes().items()}
    servers.up()
    assert {name: process.pid for name, process in servers.processes().items()} == before


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_server_is_started_again_with_its_data(servers: Stack, name: str) -> None:
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t_survivors (id int)")
    killed = servers.pid(name)
    servers.signal(name, signal.SIGKILL)
    servers.wait_healthy(name)
    assert servers.pid(name) != killed
    with psycopg.connect(servers.postgres_url) as connection:
        connection.execute("SELECT * FROM t_survivors")


def test_a_part_that_is_stopped_stays_down_until_it_is_started(servers: Stack) -> None:
    servers.stop("mongodb")
    assert not servers.processes()["mongodb"].pid
    servers.start("mongodb")
    assert servers.processes()["mongodb"].pid


def test_down_ends_every_process_and_keeps_the_data(servers: Stack) -> None:
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t_keepsakes (id int)")
    started = [Identity.of(process.pid) for process in servers.processes().values() if process.pid]
    assert len(started) == len(SERVERS) + 1  # RabbitMQ's name server
    assert set(servers.down()) == {*SERVERS, "epmd"}
    assert not [identity for identity in started if identity and identity.alive]
    eventually(lambda: not running_in(servers.home.path), 5)
    assert servers.down() == []
    servers.up()
    with psycopg.connect(servers.postgres_url) as connection:
        connection.execute("SELECT * FROM t_keepsakes")


def test_a_given_server_is_used_and_left_running(servers: Stack, tmp_path: Path) -> None:
    with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE fieldstock_auth")
    guest = Stack(
        tmp_path / "home", parts=("postgres",), settings=Settings(postgres_url=SecretStr(servers.postgres_url))
    )
    with guest:
        assert "postgres" not in guest.processes()
        assert guest.postgres_url == servers.postgres_url
        with psycopg.connect(guest.layout.database_url("fieldstock_auth")) as connection:
            connection.execute("SELECT 1")
    servers.wait_healthy("postgres", 1)


def test_a_given_server_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GivenPostgres, "patience", 0.5)
    with socket.create_server((LOOPBACK, 0)) as nobody:
        number = nobody.getsockname()[1]
    absent = Settings(postgres_url=SecretStr(f"postgresql://me@{LOOPBACK}:{number}/postgres"))
    with pytest.raises(PartUnhealthy, match="FIELDSTOCK_POSTGRES_URL"):
        Stack(tmp_path / "home", parts=("postgres",), settings=absent).up()


def test_two_stacks_stand_side_by_side(servers: Stack, database: Stack) -> None:
    assert database.postgres_url != servers.postgres_url
    database.down()
    servers.wait_healthy("postgres", 1)


def test_what_a_killed_supervisor_leaves_behind_is_ended(database: Stack) -> None:
    supervisor = Identity.read(database.home.identity("supervisord"))
    server = Identity.of(database.pid("postgres"))
    assert supervisor
    assert server
    os.kill(supervisor.pid, signal.SIGKILL)
    assert supervisor.wait(5)
    assert server.alive
    assert database.down() == ["postgres"]
    assert not server.alive
    database.up()


@pytest.mark.parametrize("home_is_gone", [False, True])
def test_a_stack_ends_with_the_process_that_made_it(tmp_path: Path, home_is_gone: bool) -> None:
    home = tmp_path / "home"
    program = (
        "import sys, pathlib; from fieldstock_dev.stack import Stack;"
        "Stack(pathlib.Path(sys.argv[1]), parts=('postgres',), small=True).up(); print('up', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as maker:
        assert maker.stdout
        assert maker.stdout.readline() == b"up\n"
        assert len(running_in(home)) > 2
        if home_is_gone:
            shutil.rmtree(home)
        maker.kill()
    eventually(lambda: not running_in(home))


def test_a_part_that_dies_at_its_start_shows_its_last_words_and_leaves_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.claim()
    home.data("postgres").mkdir()
    (home.data("postgres") / "PG_VERSION").write_text("7")
    with pytest.raises(
        PartDied, match=r"postgres ended while it was starting(.|\n)*postgres.log(.|\n)*could not access"
    ):
        Stack(home.path, parts=("postgres",), small=True).up()
    assert not running_in(home.path)


def test_a_part_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownPart, match="no mysql in this stack"):
        Stack(tmp_path / "home", parts=("mysql",)).up()
