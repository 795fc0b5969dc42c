"""The durable queues of a service in RabbitMQ: how they are made, what comes out of them, what is set aside."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from servicekit.amqp import sayable
from servicekit.logs import logger
from servicekit.observability import EVENTS_HANDLED

EVENTS, DEAD = "fieldstock.events", "fieldstock.dead"

# A delivery that kills its consumer comes back this often before the broker sets it aside.
DELIVERY_LIMIT = 20
LONGEST_REASON = 4_096


@dataclass(frozen=True, slots=True)
class Queue:
    """Keeps the events of some keys; what cannot be handled goes to `<name>.dead`, with its reason.

    `most_bytes`: it is a way in for others, through an exchange of its own name, which is all that they need leave to
    write to. It takes no more than so much, and its publishers are told (a nack); of what is set aside the newest is
    kept, likewise. One replica consumes it at a time, in order, and the next one stands by.
    """

    name: str
    keys: Sequence[str] = ()
    most_bytes: int = 0

    async def declare(self, channel: AbstractChannel) -> AbstractQueue:
        """Makes what is missing of it."""
        dead = await channel.declare_exchange(DEAD, aio_pika.ExchangeType.DIRECT, durable=True)
        kept: Any = {"x-max-length-bytes": self.most_bytes} if self.most_bytes else {}
        grave = await channel.declare_queue(
            f"{self.name}.dead", durable=True, arguments={"x-queue-type": "quorum", **kept}
        )
        await grave.bind(dead, self.name)
        if self.most_bytes:
            kept |= {"x-overflow": "reject-publish", "x-single-active-consumer": True}
        declared = await channel.declare_queue(
            self.name,
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-dead-letter-exchange": DEAD,
                "x-dead-letter-routing-key": self.name,
                **kept,
            },
        )
        if self.most_bytes:
            await declared.bind(await channel.declare_exchange(self.name, aio_pika.ExchangeType.FANOUT, durable=True))
        if self.keys:
            events = await channel.declare_exchange(EVENTS, aio_pika.ExchangeType.TOPIC, durable=True)
            for key in self.keys:
                await declared.bind(events, key)
        return declared

    async def bury(self, channel: AbstractChannel, delivery: AbstractIncomingMessage, reason: str) -> None:
        """Sets a delivery aside."""
        dead = await channel.get_exchange(DEAD)
        # The broker takes a user_id from that user alone.
        user = {"x-user": delivery.user_id} if delivery.user_id else {}
        message = aio_pika.Message(
            delivery.body,
            headers={**sayable(delivery.headers), **user, "x-reason": reason[:LONGEST_REASON]},
            message_id=delivery.message_id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await dead.publish(message, self.name)
        await delivery.ack()
        EVENTS_HANDLED.labels(self.name, "buried").inc()
        logger.error("event_buried", queue=self.name, key=delivery.routing_key, reason=reason)


@asynccontextmanager
async def runs(queue: AbstractQueue, most: int) -> AsyncIterator[AsyncIterator[list[AbstractIncomingMessage]]]:
    """What a queue delivers from now on, in order: all that is there, at most so many at once.

    Ends with the queue, or its channel; what was not acknowledged by then is delivered again, to whoever comes next.
    """
    arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

    async def arrive(delivery: AbstractIncomingMessage) -> None:
        arrived.put_nowait(delivery)

    def end(*_: object) -> None:
        arrived.put_nowait(None)

    async def in_runs() -> AsyncIterator[list[AbstractIncomingMessage]]:
        while delivery := await arrived.get():
            run = [delivery]
            while len(run) < most and not arrived.empty():
                delivery = arrived.get_nowait()
                if delivery is None:
                    end()  # after those before it
                    break
                run.append(delivery)
            yield run

    channel = await queue.channel.get_underlay_channel()
    channel.on_consumer_cancel_callbacks.add(end)
    queue.channel.close_callbacks.add(end)
    # Past the library's iterator: each delivery would cross two queues more.
    await queue.consume(arrive)
    yield in_runs()


@asynccontextmanager
async def channel_of(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    """A channel that is closed in the end: the connection outlives what goes wrong on it, and has only so many."""
    channel = await connection.channel()
    try:
        yield channel
    finally:
        if not channel.is_closed:
            await channel.close()
