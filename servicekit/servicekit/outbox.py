"""The outbox of a SQL service: an event is written with the change that it tells of, and published afterwards.

Published at least once, and for one subject in the order of its changes, since a row's id is drawn while the subject's
row is locked. What the broker did not take goes out later, behind younger ones: consumers go by the subject's version.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from time import monotonic
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import BigInteger, DateTime, LargeBinary, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from servicekit.broker import Broker, Unpublished, Unwanted
from servicekit.database import STATEMENT_TIMEOUT_MS, patience
from servicekit.event import Event
from servicekit.logs import logger

CHANNEL = "outbox"
BATCH = 200
# Notices come at once; this is for those that a broken connection swallowed.
POLL_SECONDS = 1.0
# After it took some up it takes that rest: what is written meanwhile goes together, and so it goes on from there, for
# what comes at once is handled at once. A change that comes alone never waits.
REST_SECONDS = 0.02
RETRY_SECONDS = 1.0
# An event that no queue wants waits for one, and holds up no event of another key meanwhile.
UNWANTED_SECONDS = 2.0
# The relay's advisory lock in each service's own database: one relays at a time, so order holds.
LOCK = 0x6F757462


class OutboxRow:
    """Columns of `t_outbox`; a service mixes it into its own declarative base."""

    __tablename__ = "t_outbox"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    event_id: Mapped[UUID] = mapped_column(Uuid, default=uuid4)
    key: Mapped[str] = mapped_column(String(100))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    # Why the last attempt failed; for the operator.
    problem: Mapped[str | None] = mapped_column(Text)


# Makes every commit that holds a row wake the relay, on whichever replica that is; for a service's migrations. By the
# database, since a statement more in each transaction is a round trip more.
WAKE = (
    "CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END $$",
    "CREATE TRIGGER wake_relay AFTER INSERT ON t_outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay()",
)


@asynccontextmanager
async def relaying(postgres_url: str, broker: Broker, informative: Collection[str] = ()) -> AsyncIterator[None]:
    """Relays the outbox of a database while the block runs; of several replicas, one does it at a time.

    An event waits until some queue wants it, unless its key is one of the `informative`: of those nobody misses one
    that was told while nobody listened.
    """
    task = asyncio.create_task(_relay_forever(postgres_url, broker, informative))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _relay_forever(postgres_url: str, broker: Broker, informative: Collection[str]) -> None:
    while True:
        try:
            arguments = patience(statement_timeout=STATEMENT_TIMEOUT_MS)
            async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True, **arguments) as connection:
                await _relay(connection, broker, informative)
        except psycopg.OperationalError as error:
            logger.warning("outbox_database_away", error=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, nobody is told of anything until the relay goes on
            logger.exception("outbox_interrupted")
        await asyncio.sleep(RETRY_SECONDS)


async def _relay(connection: psycopg.AsyncConnection, broker: Broker, informative: Collection[str]) -> None:
    while not await _is_ours(connection):  # noqa: ASYNC110 - the lock is in the database
        await asyncio.sleep(POLL_SECONDS)
    await connection.execute(f"LISTEN {CHANNEL}")
    unwanted: dict[str, float] = {}
    while True:
        taken = await _relay_batch(connection, broker, informative, unwanted)
        if taken < BATCH:
            if taken:
                await asyncio.sleep(REST_SECONDS)
            async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass


async def _is_ours(connection: psycopg.AsyncConnection) -> bool:
    """The lock belongs to the connection: a relay that dies gives it up by dying."""
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])).fetchone()
    return bool(row and row[0])


async def _relay_batch(
    connection: psycopg.AsyncConnection, broker: Broker, informative: Collection[str], unwanted: dict[str, float]
) -> int:
    """How many events it took up. `unwanted`: key → when to try again whether a queue wants it by now."""
    now = monotonic()
    for key in [key for key, again_at in unwanted.items() if again_at <= now]:
        del unwanted[key]
    cursor = await connection.execute(
        "SELECT id, event_id, key, body, created_at FROM t_outbox WHERE key <> ALL(%s) ORDER BY id LIMIT %s",
        [list(unwanted), BATCH],
    )
    rows = await cursor.fetchall()
    results = await asyncio.gather(
        *(
            broker.publish(Event(key, body, str(event_id), created_at), mandatory=key not in informative)
            for _, event_id, key, body, created_at in rows
        ),
        return_exceptions=True,
    )
    sent: list[int] = []
    problems: dict[str, list[int]] = {}
    for (id, _, key, _, _), result in zip(rows, results, strict=True):
        if result is None:
            sent.append(id)
        elif isinstance(result, Unpublished):
            problems.setdefault(str(result), []).append(id)
            if isinstance(result, Unwanted):
                unwanted[key] = now + UNWANTED_SECONDS
        else:
            raise result
    if sent:
        await connection.execute("DELETE FROM t_outbox WHERE id = ANY(%s)", [sent])
    for problem, ids in problems.items():
        await connection.execute("UPDATE t_outbox SET problem = %s WHERE id = ANY(%s)", [problem, ids])
        logger.warning("outbox_waits", problem=problem, events=len(ids))
    if any(isinstance(result, Unpublished) and not isinstance(result, Unwanted) for result in results):
        await asyncio.sleep(RETRY_SECONDS)
    return len(rows)
