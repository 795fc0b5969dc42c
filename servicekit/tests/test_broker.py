"""Events over a real RabbitMQ."""

from collections.abc import Sequence

import aio_pika
import pytest
from google.protobuf.message import DecodeError

from servicekit.broker import Unpublished
from servicekit.event import Event
from servicekit.handling import Outcomes, Poison
from servicekit.testing import close_connections, eventually, publish, queues


class Collected:
    """A handler that keeps what it gets, and fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.events: list[Event] = []
        self.failures = list(failures)
        self.attempts = 0

    async def __call__(self, events: Sequence[Event]) -> None:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        self.events += events

    async def one(self, event: Event) -> None:
        await self([event])

    async def bodies(self, count: int) -> list[bytes]:
        async def enough() -> bool:
            return len(self.events) >= count

        await eventually(enough)
        return [event.body for event in self.events]


async def dead(vhost: str, queue: str) -> aio_pika.abc.AbstractIncomingMessage:
    async with await aio_pika.connect(vhost) as connection:
        channel = await connection.channel()
        grave = await channel.get_queue(f"{queue}.dead")
        return await eventually(lambda: grave.get(no_ack=True, fail=False))


async def test_an_event_arrives_as_it_was_sent_and_in_order(broker):
    handler = Collected()
    await broker.declare("mine", ["test.*"])
    broker.consume("mine", ["test.*"], handler)
    sent = [Event(f"test.{n}", bytes([n])) for n in range(20)]
    for event in sent:
        await broker.publish(event, mandatory=True)
    await handler.bodies(20)
    assert handler.events == sent


async def test_events_are_kept_for_a_queue_that_nobody_reads_yet(broker):
    await broker.declare("later", ["test.kept"])
    await broker.publish(Event("test.kept", b"1"))
    handler = Collected()
    broker.consume("later", ["test.kept"], handler)
    assert await handler.bodies(1) == [b"1"]


async def test_a_mandatory_event_that_no_queue_wants_is_not_published(broker):
    with pytest.raises(Unpublished):
        await broker.publish(Event("nobody.cares", b""), mandatory=True)
    await broker.publish(Event("nobody.cares", b""))


async def test_a_handler_is_tried_again_while_its_database_is_away(broker):
    handler = Collected(ConnectionError("away"), TimeoutError("still away"))
    broker.consume("mine", ["test.*"], handler)
    await broker.declare("mine", ["test.*"])
    await broker.publish(Event("test.1", b"1"))
    assert await handler.bodies(1) == [b"1"]
    assert handler.attempts == 3


async def test_what_can_never_be_read_is_set_aside_with_its_reason_and_blocks_nobody(broker, vhost):
    good = []

    async def handle(events: Sequence[Event]) -> None:
        if any(event.body == b"?" for event in events):
            raise DecodeError("no protobuf")
        good.extend(events)

    await broker.declare("mine", ["test.*"])
    for body in (b"1", b"?", b"2"):
        await broker.publish(Event("test.1", body), mandatory=True)
    broker.consume("mine", ["test.*"], handle)

    async def handled() -> bool:
        return [event.body for event in good] == [b"1", b"2"]

    await eventually(handled)
    message = await dead(vhost, "mine")
    assert message.body == b"?"
    assert "no protobuf" in str(message.headers["x-reason"])


@pytest.mark.parametrize(
    "properties, body, why",
    [
        ({"headers": {"ce-time": "yesterday"}}, "1", "ce-time: Invalid isoformat string"),
        # What the library reads, and does not write.
        ({"headers": {"double": 1e300, "integer": 2**63, "list": [2**63]}}, "?", "no protobuf"),
        ({"headers": {f"h{number}": "x" * 1_000 for number in range(90)}}, "?", "no protobuf"),
        # Nanoseconds, where AMQP has seconds.
        ({"timestamp": 1_800_000_000_000_000_000}, "?", "no protobuf"),
        ({"timestamp": 1_800_000_000_000_000_000}, "1", ""),
    ],
)
async def test_whatever_is_said_of_a_message_it_holds_up_nobody(broker, vhost, properties, body, why):
    good = []

    async def handle(events: Sequence[Event]) -> None:
        if any(event.body == b"?" for event in events):
            raise DecodeError("no protobuf")
        good.extend(event.body for event in events)

    await broker.declare("mine", ["test.*"])
    publish(vhost, "fieldstock.events", "test.1", body, properties)
    await broker.publish(Event("test.1", b"2"), mandatory=True)
    broker.consume("mine", ["test.*"], handle)

    async def handled() -> bool:
        return good == ([b"2"] if why else [b"1", b"2"])

    await eventually(handled, within=10)
    if why:
        message = await dead(vhost, "mine")
        assert message.body == body.encode()
        assert why in str(message.headers["x-reason"])


async def test_what_is_known_of_each_event_of_a_run_is_not_asked_again(broker, vhost):
    seen = []

    async def handle(events: Sequence[Event]) -> None:
        seen.extend(event.body for event in events)
        each = [Poison("no good") if event.body == b"3" else None for event in events]
        if any(each):
            raise Outcomes(each)

    await broker.declare("mine", ["test.*"])
    for number in range(5):
        await broker.publish(Event("test.1", str(number).encode()), mandatory=True)
    broker.consume("mine", ["test.*"], handle)
    assert (await dead(vhost, "mine")).body == b"3"

    async def empty() -> bool:
        return len(seen) >= 5

    await eventually(empty)
    assert seen == [str(number).encode() for number in range(5)]


async def test_what_is_there_is_handled_together_and_what_fails_alone_before_any_of_the_next(broker, vhost):
    runs, alone = [], []

    async def handle(events: Sequence[Event]) -> None:
        numbers = [event.body[0] for event in events]
        (runs if len(numbers) > 1 else alone).append(numbers)
        if 3 in numbers and alone.count([3]) < 3:
            raise ConnectionError("away")
        if 5 in numbers:
            raise Poison("no good")

    await broker.declare("mine", ["test.*"])
    for number in range(20):
        await broker.publish(Event("test.1", bytes([number])), mandatory=True)
    broker.consume("mine", ["test.*"], handle, at_once=8)

    async def all_handled() -> bool:
        return {number for run in [*runs, *alone] for number in run} == set(range(20)) and alone.count([3]) == 3

    await eventually(all_handled)
    assert all(run == sorted(run) and len(run) <= 8 for run in runs)
    assert any(3 in run for run in runs)
    assert (await dead(vhost, "mine")).headers["x-reason"] == "no good"


async def test_a_consumer_whose_queue_was_deleted_makes_it_anew(broker, vhost):
    handler = Collected()
    await broker.declare("mine", ["test.*"])
    broker.consume("mine", ["test.*"], handler)
    await broker.publish(Event("test.1", b"1"), mandatory=True)
    await handler.bodies(1)
    async with await aio_pika.connect(vhost) as connection:
        await (await connection.channel()).queue_delete("mine")

    async def heard_again() -> bool:
        await broker.publish(Event("test.2", b"2"))
        return len(handler.events) > 1

    await eventually(heard_again, within=20, every=0.1)


async def test_a_queue_that_is_full_tells_its_publishers(broker, vhost):
    await broker.declare("way.in", [], most_bytes=10_000)
    async with await aio_pika.connect(vhost) as connection:
        exchange = await (await connection.channel()).get_exchange("way.in")

        async def told() -> bool:
            try:
                await exchange.publish(aio_pika.Message(b"x" * 1_000), "")
            except aio_pika.exceptions.DeliveryError:
                return True
            return False

        await eventually(told)


async def test_a_subscription_loads_what_it_missed_at_every_connect(broker, vhost):
    handler, loads = Collected(), 0

    async def load() -> None:
        nonlocal loads
        loads += 1

    async def loaded(times: int) -> None:
        async def enough() -> bool:
            return loads >= times

        await eventually(enough, within=20)

    broker.subscribe(["test.*"], handler.one, on_connect=load)
    await loaded(1)
    await broker.publish(Event("test.1", b"1"))
    await handler.bodies(1)
    await close_connections(vhost)
    await loaded(2)
    await broker.publish(Event("test.2", b"2"))
    assert await handler.bodies(2) == [b"1", b"2"]


async def test_a_store_that_is_away_at_every_load_leaves_nothing_behind_in_the_broker(broker, vhost):
    handler, loads = Collected(), 0

    async def load() -> None:
        nonlocal loads
        loads += 1
        if loads < 5:
            raise LookupError("the store is away")

    broker.subscribe(["test.*"], handler.one, on_connect=load)

    async def heard() -> bool:
        await broker.publish(Event("test.1", b"1"))
        return bool(handler.events)

    await eventually(heard, within=20, every=0.1)
    # Two that publish, and one that listens.
    assert len(broker._connection.transport.connection.channels) == 3
    assert len(await queues(vhost)) == 1
