"""The outbox and its relay, on a real database and a real broker."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import DeclarativeBase

from servicekit.broker import Broker
from servicekit.database import Database
from servicekit.outbox import BATCH, WAKE, OutboxRow, relaying
from servicekit.testing import empty_database, eventually


class Base(DeclarativeBase):
    pass


class Outbox(OutboxRow, Base):
    pass


@pytest.fixture
async def url(servers):
    with empty_database() as url:
        async with Database(url) as database, database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            for statement in WAKE:
                await connection.execute(text(statement))
        yield url


@asynccontextmanager
async def heard(broker):
    events = []

    async def handle(some):
        events.extend(some)

    await broker.declare("listener", ["test.*"])
    broker.consume("listener", ["test.*"], handle)
    yield events


async def write(url, *bodies, key="test.happened", fail=False):
    async with Database(url) as database, database.transaction() as session:
        session.add_all(Outbox(key=key, body=body) for body in bodies)
        if fail:
            raise RuntimeError("the change failed")


async def waiting(url):
    async with Database(url) as database, database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(Outbox))


async def test_a_committed_event_is_published_in_order_and_then_forgotten(url, broker):
    async with heard(broker) as events, relaying(url, broker):
        await write(url, b"1", b"2", b"3")
        await write(url, b"4")

        async def all_heard():
            return len(events) == 4 and not await waiting(url)

        await eventually(all_heard)
        assert [event.body for event in events] == [b"1", b"2", b"3", b"4"]


async def test_an_event_of_a_change_that_failed_was_never_there(url, broker):
    async with heard(broker) as events, relaying(url, broker):
        with pytest.raises(RuntimeError):
            await write(url, b"lost", fail=True)
        await write(url, b"kept")
        await eventually(lambda: _some(events))
        assert [event.body for event in events] == [b"kept"]


async def test_events_wait_for_a_broker_that_is_away(url, vhost, broker):
    async with Broker("amqp://nobody:nothing@127.0.0.1:1/", "away") as away, relaying(url, away):
        await write(url, b"1")
    assert await waiting(url) == 1
    async with heard(broker) as events, relaying(url, broker):
        await eventually(lambda: _some(events))


async def test_an_event_that_no_queue_wants_yet_waits_for_one(url, broker):
    async with relaying(url, broker):
        await write(url, b"1")

        async def has_tried():
            async with Database(url) as database, database.transaction() as session:
                return await session.scalar(select(Outbox.problem))

        assert "test.happened" in await eventually(has_tried)
        async with heard(broker) as events:
            await eventually(lambda: _some(events))


async def test_events_that_no_queue_wants_hold_up_no_others(url, broker):
    async with heard(broker) as events:
        await write(url, *(b"nobody's" for _ in range(BATCH + 1)), key="unwanted.happened")
        await write(url, b"somebody's")
        async with relaying(url, broker):
            await eventually(lambda: _some(events))
            await write(url, b"later")
            # Without the second's pause that an absent broker is given.
            await eventually(lambda: _some(events[1:]), within=0.9)
    assert await waiting(url) == BATCH + 1


async def test_an_informative_event_that_no_queue_wants_is_forgotten_and_a_wanted_one_arrives(url, broker):
    async with relaying(url, broker, informative=["test.happened", "test.noted"]):
        await write(url, b"to nobody", key="test.noted")

        async def forgotten():
            return not await waiting(url)

        await eventually(forgotten)
        async with heard(broker) as events:
            await write(url, b"to somebody")
            await eventually(lambda: _some(events))
    assert [event.body for event in events] == [b"to somebody"]


async def test_a_relay_outlives_what_it_does_not_understand(url, broker, capsys):
    async with heard(broker) as events, Database(url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
        async with relaying(url, broker):

            async def complains():
                return "outbox_interrupted" in capsys.readouterr().out

            await eventually(complains)
            async with database.engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            await write(url, b"1")
            await eventually(lambda: _some(events))


async def test_of_two_relays_one_works_and_the_other_takes_over(url, broker):
    async with heard(broker) as events:
        async with relaying(url, broker):
            async with relaying(url, broker):
                await asyncio.gather(*(write(url, bytes([n])) for n in range(20)))

                async def all_heard():
                    return len(events) >= 20 and not await waiting(url)

                await eventually(all_heard)
            assert len(events) == 20
        async with relaying(url, broker):
            await write(url, b"again")

            async def one_more():
                return len(events) > 20

            await eventually(one_more)


async def _some(events):
    return bool(events)
