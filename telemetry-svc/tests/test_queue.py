"""Readings of bridges that speak AMQP, over a real broker, as a user of it who may do nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aio_pika
import pytest

from fieldstock.auth.v1 import events_pb2
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import Issuer, broker_user, eventually
from telemetry_svc.clock import system
from telemetry_svc.ingest import queue
from telemetry_svc.store import Store

Make = Callable[..., Any]


class Bridge:
    """A publisher, and who it says that it is."""

    def __init__(self, exchange: aio_pika.abc.AbstractExchange, user: str) -> None:
        self._exchange = exchange
        self.user = user

    async def send(self, body: bytes, user: str | None = "") -> None:
        message = aio_pika.Message(body, user_id=self.user if user == "" else user)
        await self._exchange.publish(message, "", mandatory=True)


@pytest.fixture
async def bridge(vhost: str, store: Store) -> AsyncIterator[Bridge]:
    """The bridge of service account 4."""
    with broker_user(vhost, "ingest-4", may_write=r"^telemetry\.readings$") as url:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            yield Bridge(await channel.get_exchange(queue.QUEUE, ensure=False), "ingest-4")


class Dead:
    """What was set aside."""

    def __init__(self, vhost: str) -> None:
        self._vhost = vhost

    async def next(self) -> tuple[bytes, str]:
        """Body and reason of the message that was set aside first."""
        async with await aio_pika.connect(self._vhost) as connection:
            grave = await (await connection.channel()).get_queue(f"{queue.QUEUE}.dead")
            message = await eventually(lambda: grave.get(no_ack=True, fail=False), within=10)
        return message.body, str(message.headers["x-reason"])


@pytest.fixture
def dead(vhost: str) -> Dead:
    return Dead(vhost)


async def waiting(vhost: str, name: str = queue.QUEUE) -> int:
    """How many messages are there to be delivered."""
    async with await aio_pika.connect(vhost) as connection:
        declared = await (await connection.channel()).get_queue(name)
        return declared.declaration_result.message_count or 0


async def stored(admin: Any, device_id: int, count: int) -> list[tuple[int, dict[str, float]]]:
    """All readings of a device, as soon as there are so many."""

    async def enough() -> Any:
        found = await admin.read(device_id, page_size=500)
        return found if len(found) >= count else None

    return await eventually(enough, within=15)


async def test_a_bridges_batches_are_stored_in_order_and_read_back(
    inventory: Any, admin: Any, bridge: Bridge, batch: Make, vhost: str
) -> None:
    await inventory.deploy(7, 8)
    now = system()
    for row in range(100):
        body = batch(0, [now + row] * 2, device=[7, 8], temperature=[row, -row]).SerializeToString()
        await bridge.send(body)
    expected = [now + row for row in reversed(range(100))]
    assert [time for time, _ in await stored(admin, 7, 100)] == expected
    assert (await stored(admin, 8, 100))[0] == (now + 99, {"temperature": -99})

    async def seen() -> bool:
        return (await admin.health(7)).latest["temperature"].value == 99

    await eventually(seen, within=15)
    assert await waiting(vhost) == await waiting(vhost, f"{queue.QUEUE}.dead") == 0


async def test_a_reading_is_there_once_though_it_came_by_every_way_in(
    inventory: Any, admin: Any, device: Any, gateway: Any, bridge: Bridge, batch: Make
) -> None:
    await inventory.deploy(7)
    now = system()
    await device.send(batch(1, [now], temperature=[1]))
    await gateway.send(batch(1, [now], device=7, temperature=[2]))
    time = {"seconds": now // 1000, "nanos": now % 1000 * 1_000_000}
    await admin.create(7, {"temperature": 3}, time=time)
    await bridge.send(batch(0, [now, now + 1], device=7, temperature=[4, 5]).SerializeToString())
    assert await stored(admin, 7, 2) == [(now + 1, {"temperature": 5}), (now, {"temperature": 1})]


async def test_what_came_while_nobody_consumed_is_stored_once_somebody_does(
    start: Any, bridge: Bridge, inventory: Any, issuer: Issuer, client: Make, batch: Make
) -> None:
    async with start():
        await inventory.deploy(7)
    now = system()
    for row in range(3):
        await bridge.send(batch(0, [now + row], device=7, temperature=[row]).SerializeToString())
    async with start() as channel:
        found = await stored(client(channel, issuer.metadata()), 7, 3)
        assert [time for time, _ in found] == [now + 2, now + 1, now]


async def test_rows_that_can_never_be_stored_are_set_aside_with_their_reasons_and_the_others_stored(
    inventory: Any, admin: Any, bridge: Bridge, batch: Make, dead: Dead
) -> None:
    await inventory.deploy(7)
    now = system()
    body = batch(0, [now, now + 1, now], device=[7, 7, 999], temperature=[1, float("inf"), 3]).SerializeToString()
    await bridge.send(body)
    found, reason = await dead.next()
    assert found == body
    assert "UNKNOWN_DEVICE: 1 rows: There is no device 999" in reason
    assert "INVALID_VALUE: 1 rows" in reason
    assert await stored(admin, 7, 1) == [(now, {"temperature": 1})]


async def test_what_was_stored_beside_a_message_that_cannot_be_is_not_stored_again(
    inventory: Any, admin: Any, bridge: Bridge, batch: Make, dead: Dead, start: Any
) -> None:
    await inventory.deploy(7)
    for row in range(20):
        devices = [7, 999] if row == 10 else [7, 7]
        await bridge.send(batch(0, [0, 0], device=devices, temperature=[row, row]).SerializeToString())
    await dead.next()
    assert len(await stored(admin, 7, 39)) == 39
    await asyncio.sleep(1)
    assert len(await stored(admin, 7, 39)) == 39


@pytest.mark.parametrize(
    "body, why",
    [
        (b"\xff\xff no protobuf", "pars"),
        (b"", "INVALID_BATCH: 0 rows: Batch 0: it has no metrics"),
        (b"x" * (queue.MOST_MESSAGE_BYTES + 1), "INVALID_BATCH: 4194305 bytes are more than 4194304"),
    ],
)
async def test_what_is_no_batch_is_set_aside_and_holds_nobody_up(
    inventory: Any, admin: Any, bridge: Bridge, batch: Make, dead: Dead, body: bytes, why: str
) -> None:
    await inventory.deploy(7)
    now = system()
    await bridge.send(body)
    await bridge.send(batch(0, [now], device=7, temperature=[1]).SerializeToString())
    assert await stored(admin, 7, 1) == [(now, {"temperature": 1})]
    found, reason = await dead.next()
    assert (found, why in reason) == (body, True)


async def test_who_does_not_say_who_it_is_is_not_listened_to(
    inventory: Any, admin: Any, bridge: Bridge, batch: Make, dead: Dead
) -> None:
    await inventory.deploy(7)
    await bridge.send(batch(0, [system()], device=7, temperature=[1]).SerializeToString(), user=None)
    assert (await dead.next())[1] == "UNKNOWN_SENDER: the message has no user_id"
    assert await admin.read(7) == []


async def test_nobody_can_say_that_it_is_another(bridge: Bridge, batch: Make, vhost: str) -> None:
    with pytest.raises(aio_pika.exceptions.AMQPError, match="user_id"):
        await bridge.send(batch(0, [system()], device=7, temperature=[1]).SerializeToString(), user="ingest-5")
    assert await waiting(vhost) == 0


async def test_a_user_of_the_broker_that_is_no_service_account_is_not_listened_to(
    inventory: Any, admin: Any, batch: Make, dead: Dead, vhost: str
) -> None:
    await inventory.deploy(7)
    with broker_user(vhost, "somebody", may_write=".*") as url:
        async with await aio_pika.connect(url) as connection:
            exchange = await (await connection.channel()).get_exchange(queue.QUEUE, ensure=False)
            body = batch(0, [system()], device=7, temperature=[1]).SerializeToString()
            await Bridge(exchange, "somebody").send(body)
            assert (await dead.next())[1].startswith("UNKNOWN_SENDER: the user_id 'somebody' is no service account's")
    assert await admin.read(7) == []


async def test_a_service_account_that_has_ended_is_not_listened_to_also_after_a_restart(
    start: Any, inventory: Any, bridge: Bridge, broker: Broker, batch: Make, dead: Dead, store: Store
) -> None:
    body = batch(0, [system()], device=7, temperature=[1]).SerializeToString()
    for principal in ("ingest:4", "user:1"):
        await broker.publish(Event.of("auth.principal.revoked", events_pb2.PrincipalRevoked(principal=principal)))
    async with start():
        await inventory.deploy(7)
        assert (await eventually(lambda: store.revoked.find_one({})))["_id"] == "ingest:4"
        await bridge.send(body)
        assert (await dead.next())[1] == "SENDER_REVOKED: ingest:4 has ended"
    async with start():
        await bridge.send(body)
        assert (await dead.next())[1] == "SENDER_REVOKED: ingest:4 has ended"
    assert [one["_id"] async for one in store.revoked.find({})] == ["ingest:4"]


async def test_every_replica_stops_listening_to_an_account_that_ends(
    inventory: Any, admin: Any, bridge: Bridge, issuer: Issuer, batch: Make, dead: Dead
) -> None:
    await inventory.deploy(7)
    now = system()
    await bridge.send(batch(0, [now], device=7, temperature=[1]).SerializeToString())
    await stored(admin, 7, 1)
    issuer.revoke("ingest:4")
    await bridge.send(batch(0, [now + 1], device=7, temperature=[2]).SerializeToString())
    assert (await dead.next())[1] == "SENDER_REVOKED: ingest:4 has ended"
    assert [time for time, _ in await admin.read(7)] == [now]


async def test_a_bridge_may_write_to_nothing_else(vhost: str, bridge: Bridge, batch: Make) -> None:
    async with await aio_pika.connect(vhost.replace(vhost.split("@")[0], "amqp://ingest-4:ingest-4")) as connection:
        channel = await connection.channel()
        events = await channel.get_exchange("fieldstock.events", ensure=False)
        with pytest.raises(aio_pika.exceptions.AMQPError, match="fieldstock"):
            await events.publish(aio_pika.Message(b""), "inventory.device.retired")
