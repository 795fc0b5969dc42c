"""What happens while MongoDB does not answer, and after."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import grpc
import pytest

from servicekit.testing import broker_user, eventually
from telemetry_svc.clock import system
from telemetry_svc.ingest import groups
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store
from telemetry_svc.watch.handover import MAX_ROWS

Make = Callable[..., Any]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class Road:
    """The way to MongoDB, which can be closed: nothing gets through, and nobody is told."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
async def road(servers: object) -> AsyncIterator[Road]:
    given = urlsplit(os.environ["FIELDSTOCK_MONGODB_URI"].split(",")[0])
    road = Road(given.hostname or "127.0.0.1", given.port or 27017)
    server = await asyncio.start_server(road.serve, "127.0.0.1", 0)
    road.port = server.sockets[0].getsockname()[1]  # pyright: ignore[reportAttributeAccessIssue]
    yield road
    road.open()
    server.close()


@pytest.fixture
def patience() -> float:
    """How long a group is tried, in seconds."""
    return 0.5


@pytest.fixture
def settings(vhost: str, database: str, road: Any, patience: float) -> Settings:
    return Settings(
        amqp_url=vhost,
        mongodb_uri=f"mongodb://127.0.0.1:{road.port}/?directConnection=true",
        mongodb_database=database,
        auth_target="127.0.0.1:1",
        group_linger_ms=1,
        commit_patience_seconds=patience,
        fold_rows=10**9,
    )


def patiently(call: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """The call's answer, or None while the service is unavailable."""

    async def look() -> Any:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            # INTERNAL is what grpc's client makes of writing to a stream that the server has just ended.
            if error.code() not in (UNAVAILABLE, grpc.StatusCode.INTERNAL):
                raise
            return None

    return look


async def test_what_cannot_be_stored_is_not_acknowledged_and_can_be_sent_again(
    inventory: Any, device: Any, batch: Make, road: Road
) -> None:
    await inventory.deploy(7)
    now = system()
    stream = device.stream()
    await stream.send(batch(1, [now], temperature=[1]))
    await eventually(lambda: device.read(7))
    road.close()
    await stream.send(batch(2, [now + 1], temperature=[2]))
    error, summary = await stream.ended()
    assert (error.code(), "INGEST_UNAVAILABLE" in str(error.trailing_metadata())) == (UNAVAILABLE, True)
    assert summary.committed_sequence == 1
    road.open()

    summary = await eventually(patiently(lambda: device.send(batch(2, [now + 1], temperature=[2]))))
    assert summary.committed_sequence == 2
    assert [time_ms for time_ms, _ in await device.read(7)] == [now + 1, now]


async def test_a_group_waits_for_company_by_how_long_storing_took(
    inventory: Any, admin: Any, batch: Make, road: Road, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "LONGEST_LINGER_SECONDS", 5.0)
    await inventory.deploy(7)
    now = system()
    await admin.send(batch(1, [now], device=7, temperature=[1]))
    road.close()
    slow = asyncio.create_task(admin.send(batch(1, [now + 1], device=7, temperature=[2])))
    await asyncio.sleep(0.35)
    road.open()
    await slow
    # One that waited only as long as it has to would be stored before the second comes.
    first = asyncio.create_task(admin.send(batch(1, [now + 2], device=7, temperature=[3])))
    await asyncio.sleep(0.1)
    await admin.send(batch(1, [now + 3], device=7, temperature=[4]))
    await first
    entries = await store.journal.find({"_id.partition": 7}, ["rows"]).to_list()
    assert sorted(entry["rows"] for entry in entries) == [1, 1, 2]


async def test_new_streams_are_refused_with_a_delay_while_storage_is_away(
    inventory: Any, device: Any, batch: Make, road: Road
) -> None:
    await inventory.deploy(7)
    road.close()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await device.create(7, {"temperature": 1})
    assert error.value.code() is UNAVAILABLE
    error, _ = await device.stream().ended()
    assert error.code() is UNAVAILABLE
    assert "RetryInfo" in str(error.trailing_metadata())
    road.open()


async def test_a_half_closed_stream_learns_that_its_last_batch_was_not_stored(
    inventory: Any, device: Any, batch: Make, road: Road
) -> None:
    await inventory.deploy(7)
    stream = device.stream()
    await stream.call.initial_metadata()
    road.close()
    await stream.send(batch(1, [system()], temperature=[1]))
    await stream.call.done_writing()
    error, summary = await stream.ended()
    assert error.code() is UNAVAILABLE
    assert summary.committed_sequence == 0
    road.open()


@pytest.mark.parametrize("patience", [60.0])
async def test_senders_wait_while_storage_is_slow_and_nothing_grows_or_gets_lost(
    inventory: Any, gateway: Any, admin: Any, batch: Make, road: Road, settings: Settings
) -> None:
    await inventory.deploy(7)
    stream = gateway.stream()
    await stream.call.initial_metadata()
    road.close()
    now = system() - 10_000_000
    sent = 0

    async def flood() -> None:
        nonlocal sent
        for sequence in range(1, 200):
            times = [now + sequence * 10_000 + row for row in range(10_000)]
            await stream.send(batch(sequence, times, device=7, temperature=[1.0] * 10_000))
            sent = sequence

    flooding = asyncio.create_task(flood())

    async def stuck() -> bool:
        before = sent
        await asyncio.sleep(0.1)
        return sent == before > 0

    await eventually(stuck, every=0)
    assert sent * 10_000 < 4 * MAX_ROWS
    road.open()
    await flooding
    summary = await stream.finish()
    assert (summary.committed_sequence, summary.accepted_rows) == (199, 1_990_000)


async def test_what_came_over_the_queue_waits_for_storage_and_is_stored_once_and_in_order(
    inventory: Any, admin: Any, batch: Make, road: Road, vhost: str, store: Store
) -> None:
    await inventory.deploy(7)
    # More than a group holds, in messages of which a group has several; and not enough to be folded.
    messages, rows = 45, 2_000
    start = system() - messages * rows
    with broker_user(vhost, "ingest-4", may_write=r"^telemetry\.readings$") as url:
        async with await aio_pika.connect(url) as connection:
            exchange = await (await connection.channel()).get_exchange("telemetry.readings", ensure=False)

            async def send(number: int) -> None:
                times = [start + number * rows + row for row in range(rows)]
                body = batch(0, times, device=7, temperature=[1.0] * rows).SerializeToString()
                await exchange.publish(aio_pika.Message(body, user_id="ingest-4"), "")

            await send(0)
            await eventually(lambda: admin.read(7))
            road.close()
            for number in range(1, messages):
                await send(number)
            with pytest.raises(grpc.aio.AioRpcError):
                await admin.create(7, {"temperature": 1})
            road.open()

            async def all_there() -> bool:
                newest = await admin.read(7, page_size=1)
                return newest[0][0] == start + messages * rows - 1

            await eventually(patiently(all_there), within=30)
            grave = await (await connection.channel()).declare_queue("telemetry.readings.dead", passive=True)
    assert grave.declaration_result.message_count == 0
    # Some may have been stored twice: the answer did not get through. None was before those ahead of it.
    reached = start - 1
    async for entry in store.journal.find({}, sort=[("received_at", 1)]):
        assert entry["from_ms"] <= reached + 1
        reached = max(reached, entry["to_ms"])
    assert reached == start + messages * rows - 1
    numbers = (await admin.page(7, step=86_400)).buckets
    assert sum(bucket.metrics["temperature"].count for bucket in numbers) == messages * rows


async def test_nobody_is_called_offline_for_what_could_not_be_stored(
    inventory: Any, device: Any, admin: Any, batch: Make, road: Road, clock: Any
) -> None:
    await inventory.deploy(7)
    clock.move(400)
    await device.create(7, {"temperature": 1})

    async def online() -> bool:
        return (await admin.health(7)).online

    await eventually(online)
    road.close()
    clock.move(50)
    with pytest.raises(grpc.aio.AioRpcError):
        await device.create(7, {"temperature": 1})
    road.open()
    clock.move(50)

    await eventually(patiently(lambda: device.create(7, {"temperature": 1})))
    assert await admin.alerts(state="all") == []
