"""A real PostgreSQL, and what is said when it does not answer."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from servicekit import database as module
from servicekit.database import Database
from servicekit.errors import DatabaseUnavailable
from servicekit.testing import empty_database


@pytest.fixture
def url(servers):
    with empty_database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
        yield url


async def count(database):
    async with database.single() as session:
        return await session.scalar(text("SELECT count(*) FROM t"))


async def test_what_raises_leaves_nothing_behind(url):
    async def write(database, id, failure=None):
        async with database.transaction() as session:
            await session.execute(text(f"INSERT INTO t VALUES ({id})"))
            if failure:
                raise failure

    async with Database(url) as database:
        with pytest.raises(LookupError):
            await write(database, 1, LookupError())
        await write(database, 2)
        assert await count(database) == 1


async def test_a_request_that_is_cancelled_leaves_nothing_behind_and_gives_its_connection_back(url, monkeypatch):
    monkeypatch.setattr(module, "POOL_SIZE", 1)
    monkeypatch.setattr(module, "POOL_OVERFLOW", 0)

    async def write(database):
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO t VALUES (1)"))
            await session.execute(text("SELECT pg_sleep(60)"))

    async with Database(url) as database:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(write(database), 0.2)
            assert await count(database) == 0


async def test_a_database_that_is_away_is_a_failure_that_passes():
    async with Database("postgresql://nobody@127.0.0.1:1/nothing") as database:
        for block in (database.transaction, database.single):
            with pytest.raises(DatabaseUnavailable) as caught:
                async with block() as session:
                    await session.execute(text("SELECT 1"))
            assert caught.value.retry_after


async def test_after_a_restart_one_request_fails_and_not_one_for_each_pooled_connection(url):
    async with Database(url) as database:
        await asyncio.gather(*(count(database) for _ in range(8)))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(DatabaseUnavailable):
            await count(database)
        assert await asyncio.gather(*(count(database) for _ in range(8))) == [0] * 8


@pytest.mark.parametrize(
    ("bound", "statement"),
    [("LOCK_TIMEOUT_MS", "UPDATE t SET id = 2"), ("STATEMENT_TIMEOUT_MS", "SELECT pg_sleep(60)")],
)
async def test_a_lock_or_a_statement_that_takes_too_long_is_given_up(url, monkeypatch, bound, statement):
    monkeypatch.setattr(module, bound, 100)
    async with Database(url) as database, await psycopg.AsyncConnection.connect(url) as other:
        await other.execute("INSERT INTO t VALUES (1)")
        await other.commit()
        await other.execute("SELECT * FROM t FOR UPDATE")
        with pytest.raises(DatabaseUnavailable):
            async with asyncio.timeout(5), database.transaction() as session:
                await session.execute(text(statement))


async def test_a_pool_that_is_used_up_is_not_waited_for_without_end(url, monkeypatch):
    for name, value in {"POOL_SIZE": 1, "POOL_OVERFLOW": 0, "CONNECT_SECONDS": 1}.items():
        monkeypatch.setattr(module, name, value)
    async with Database(url) as database, database.transaction() as session:
        await session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable):
            await asyncio.wait_for(count(database), 5)


async def test_the_server_too_gives_up_a_client_that_vanished(url):
    async with Database(url) as database, database.single() as session:
        for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout"):
            assert await session.scalar(text(f"SELECT setting::int FROM pg_settings WHERE name = '{name}'")) > 0
