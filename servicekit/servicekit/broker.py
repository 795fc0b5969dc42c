"""RabbitMQ: confirmed publishing, consumers that keep order and never stick, and what happens when it goes away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from google.protobuf.message import DecodeError, Message

from servicekit.amqp import bear_with_times
from servicekit.event import Event
from servicekit.handling import Handler, Outcomes, Poison, RunHandler, handle
from servicekit.logs import logger
from servicekit.observability import EVENTS_HANDLED, EVENTS_PUBLISHED
from servicekit.queues import EVENTS, Queue, channel_of, runs

LIVE = "fieldstock.live"

CONFIRM_SECONDS = 5.0
# A broker that takes the connection and then says nothing is as good as none.
CONNECT_SECONDS = 10.0
# The heartbeats' interval; a peer that vanished without a word is given up after three of them.
HEARTBEAT_SECONDS = 10
# All that waits for the broker's word at the end has this long together; then the broker finds out by itself.
CLOSE_SECONDS = 3.0
PREFETCH = 64
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.1, 10.0
# A delivery that fails for a reason that does not pass by itself is tried this often, then set aside with the reason.
ATTEMPTS = 5

BROKER_GONE = (aio_pika.exceptions.AMQPError, ConnectionError, OSError, asyncio.TimeoutError, RuntimeError)


class Unpublished(Exception):
    """The broker did not confirm an event in time, or is away."""


class Unwanted(Unpublished):
    """No queue wants an event of this key."""


class Broker:
    """A connection that is made again whenever it breaks, and all that goes over it.

    `source` names the process in CloudEvents and in RabbitMQ's list of connections. `transient` are the exceptions of a
    handler that pass by themselves (its database is away): such a delivery is tried until it succeeds.
    """

    def __init__(self, url: str, source: str, transient: tuple[type[Exception], ...] = ()) -> None:
        bear_with_times()
        self._url = url
        self._source = source
        self._transient = (*transient, ConnectionError, TimeoutError)
        self._connection: AbstractConnection | None = None
        self._events: AbstractExchange | None = None
        self._live: AbstractExchange | None = None
        self._connected = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    async def __aenter__(self) -> Self:
        """Starts connecting; does not wait for the broker to be there."""
        self._start(self._stay_connected())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        end = asyncio.get_running_loop().time() + CLOSE_SECONDS
        # In reverse: a consumer gives its deliveries back over the connection.
        for task in reversed(self._tasks):
            task.cancel()
            await asyncio.wait([task], timeout=max(0.0, end - asyncio.get_running_loop().time()))

    @property
    def connected(self) -> bool:
        """Whether the broker is there right now."""
        return self._connected.is_set()

    async def publish(self, event: Event, *, mandatory: bool = False) -> None:
        """Returns when the broker has the event on disk. `mandatory`: some queue must want it.

        Raises Unwanted; Unpublished, when the event may have been published all the same.
        """
        message = event.to_message(self._source)
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await self._connected.wait()
                assert self._events is not None
                await self._events.publish(message, event.key, mandatory=mandatory)
        except aio_pika.exceptions.PublishError as error:
            raise Unwanted(f"{event.key}: no queue wants it") from error
        except BROKER_GONE as error:
            raise Unpublished(f"{event.key}: {error!r}") from error
        EVENTS_PUBLISHED.labels(event.key).inc()

    async def publish_live(self, key: str, message: Message) -> bool:
        """Sends a message that may be lost; returns whether it was sent."""
        if not self._connected.is_set() or self._live is None:
            return False
        try:
            await self._live.publish(aio_pika.Message(message.SerializeToString()), key, mandatory=False)
        except BROKER_GONE as error:
            logger.debug("live_message_lost", error=repr(error))
            return False
        return True

    async def declare(self, queue: str, keys: Sequence[str], most_bytes: int = 0) -> None:
        """Makes a service's durable queue, so that events are kept for it before it runs for the first time.

        `most_bytes`: see Queue.
        """
        await self._connected.wait()
        assert self._connection is not None
        async with channel_of(self._connection) as channel:
            await Queue(queue, keys, most_bytes).declare(channel)

    def consume(
        self, queue: str, keys: Sequence[str], handler: RunHandler, *, at_once: int = PREFETCH, most_bytes: int = 0
    ) -> None:
        """Handles a durable queue's events in order, from now until the broker is closed: those that are there, up to
        `at_once`, together, and none of the next before all of them are done with.

        Events are acknowledged after their handler returned, so they may come again: handlers are idempotent. What can
        never be handled goes to the queue `<queue>.dead`, with the reason in its header `x-reason`.
        """
        shape = Queue(queue, keys, most_bytes)

        async def run(connection: AbstractConnection) -> None:
            async with channel_of(connection) as channel:
                await channel.set_qos(prefetch_count=at_once)
                async with runs(await shape.declare(channel), at_once) as deliveries:
                    async for some in deliveries:
                        await self._settle(channel, shape, some, handler)

        self._start(self._whenever_connected(queue, run))

    def subscribe(
        self,
        keys: Sequence[str],
        handler: Handler,
        on_connect: Callable[[], Awaitable[None]] | None = None,
        exchange: str = EVENTS,
        limit: int | None = None,
    ) -> None:
        """Handles events through a queue of this process's own, which is gone when it is.

        `on_connect` runs at each (re)connect once the queue collects, and before its first event is handled: the place
        to load what was missed. `limit` bounds the queue; the oldest is dropped.
        """

        async def run(connection: AbstractConnection) -> None:
            async with channel_of(connection) as channel:
                # Acknowledged, though nothing is ever delivered again: without, the broker would push all it has into
                # this process's memory, where no limit holds and nothing old is dropped.
                most = min(PREFETCH, limit or PREFETCH)
                await channel.set_qos(prefetch_count=most)
                arguments: Any = {"x-max-length": limit} if limit else None
                declared = await channel.declare_queue(exclusive=True, auto_delete=True, arguments=arguments)
                source = await self._exchange(channel, exchange)
                for key in keys:
                    await declared.bind(source, key)
                # A consumer from the start: when it goes, the queue goes, also if `on_connect` fails.
                async with runs(declared, most) as deliveries:
                    if on_connect:
                        await on_connect()
                    async for some in deliveries:
                        for delivery in some:
                            try:
                                await handler(Event.of_delivery(delivery))
                            except Exception:  # noqa: BLE001 - one bad event must not end the others'
                                logger.exception("event_not_handled", key=delivery.routing_key)
                        await some[-1].ack(multiple=True)

        self._start(self._whenever_connected(f"{exchange} ({', '.join(keys)})", run))

    async def _settle(
        self, channel: AbstractChannel, queue: Queue, some: Sequence[AbstractIncomingMessage], handler: RunHandler
    ) -> None:
        """Returns when they are handled, or set aside: together if that goes well, else each on its own."""
        outcomes: Sequence[BaseException | None] = ()
        try:
            await handler([Event.of_delivery(delivery) for delivery in some])
        except Outcomes as error:
            outcomes = error.each
        except Exception as error:  # noqa: BLE001 - whatever it is: told of below, if it is still so
            logger.info("events_come_again", queue=queue.name, events=len(some), error=repr(error))
        else:
            # All before them are done with too: one word for all.
            await some[-1].ack(multiple=True)
            EVENTS_HANDLED.labels(queue.name, "handled").inc(len(some))
            return
        delay, attempt = FIRST_DELAY_SECONDS, 0
        while True:
            attempt += 1
            if not outcomes:
                handling = (handle(handler, delivery) for delivery in some)
                outcomes = await asyncio.gather(*handling, return_exceptions=True)
            waiting: list[AbstractIncomingMessage] = []
            for delivery, outcome in zip(some, outcomes, strict=True):
                if outcome is None:
                    await delivery.ack()
                    EVENTS_HANDLED.labels(queue.name, "handled").inc()
                elif not isinstance(outcome, Exception):
                    raise outcome
                elif isinstance(outcome, Poison | DecodeError):
                    await queue.bury(channel, delivery, str(outcome) or repr(outcome))
                elif isinstance(outcome, self._transient):
                    waiting.append(delivery)
                    logger.warning("event_waits", queue=queue.name, key=delivery.routing_key, error=repr(outcome))
                else:  # whatever it is, the queue must not stick at it
                    logger.error("event_not_handled", queue=queue.name, key=delivery.routing_key, exc_info=outcome)
                    if attempt < ATTEMPTS:
                        waiting.append(delivery)
                    else:
                        await queue.bury(channel, delivery, repr(outcome))
            if not waiting or self._closing:
                return
            await asyncio.sleep(delay)
            some, outcomes, delay = waiting, (), min(delay * 2, LONGEST_DELAY_SECONDS)

    async def _exchange(self, channel: AbstractChannel, name: str) -> AbstractExchange:
        return await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=name != LIVE)

    async def _stay_connected(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                async with await aio_pika.connect(
                    self._url,
                    client_properties={"connection_name": self._source},
                    timeout=CONNECT_SECONDS,
                    heartbeat=HEARTBEAT_SECONDS,
                ) as connection:
                    await self._use(connection)
                delay = FIRST_DELAY_SECONDS
            except BROKER_GONE as error:
                logger.warning("broker_away", error=repr(error), seconds=delay)
            except Exception:  # noqa: BLE001 - whatever it is, without a connection the process says and hears nothing
                logger.exception("broker_connection_failed", seconds=delay)
            if self._closing:  # a cancellation may come out of aio-pika as the error of a connection that closes
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)

    async def _use(self, connection: AbstractConnection) -> None:
        """Returns when the connection is of no more use."""
        async with asyncio.timeout(CONNECT_SECONDS):
            confirmed = await connection.channel(publisher_confirms=True, on_return_raises=True)
            unconfirmed = await connection.channel(publisher_confirms=False)
            self._events = await self._exchange(confirmed, EVENTS)
            self._live = await self._exchange(unconfirmed, LIVE)
        # A channel that breaks alone (a refused operation) is no use to anybody: all is made anew.
        gone = asyncio.Event()
        for end in (connection, confirmed, unconfirmed):
            end.close_callbacks.add(lambda *_: gone.set())
        self._connection = connection
        self._connected.set()
        logger.info("broker_connected")
        try:
            await gone.wait()
        finally:
            self._connected.clear()

    async def _whenever_connected(self, what: str, run: Callable[[AbstractConnection], Awaitable[None]]) -> None:
        delay = FIRST_DELAY_SECONDS
        while True:
            await self._connected.wait()
            connection = self._connection
            assert connection is not None
            try:
                await run(connection)
            except BROKER_GONE as error:
                logger.warning("consumer_interrupted", what=what, error=repr(error))
            except Exception:  # noqa: BLE001 - on_connect failed: the store it loads from is away
                logger.exception("consumer_failed", what=what)
            if self._closing:
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS) if connection is self._connection else FIRST_DELAY_SECONDS

    def _start(self, work: Awaitable[None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))
