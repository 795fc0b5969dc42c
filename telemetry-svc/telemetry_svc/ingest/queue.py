"""The queue way in: for bridges that speak AMQP, a ReadingBatch a message."""

import asyncio
from collections.abc import Sequence

from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.handling import Outcomes, Poison
from servicekit.logs import logger
from telemetry_svc.ingest.groups import Groups
from telemetry_svc.ingest.senders import Senders
from telemetry_svc.ingest.single import One
from telemetry_svc.ingest.wire import read

QUEUE = "telemetry.readings"
# What storage does not take for a while waits here, on a majority of the brokers' disks.
MOST_BYTES = 1024 * 1024 * 1024
# Messages that are in memory at once, each as large as a stream's may be.
AT_ONCE = 32
MOST_MESSAGE_BYTES = 4 * 1024 * 1024


class ReadingQueue:
    """Its messages go the way of all readings, in the next groups, and are acknowledged when they are stored.

    A message of which rows can never be stored is set aside with their reasons; its other rows are stored. Sequences
    and source ids mean nothing here: the broker knows what was acknowledged, and readings that come again are known.
    """

    def __init__(self, groups: Groups, senders: Senders) -> None:
        self._groups = groups
        self._senders = senders

    def start(self, broker: Broker) -> None:
        """Consumes until the broker is closed."""
        broker.consume(QUEUE, [], self.store, at_once=AT_ONCE, most_bytes=MOST_BYTES)

    async def store(self, events: Sequence[Event]) -> None:
        """Stores messages. Raises Outcomes: of DecodeError, Poison, and IngestUnavailable, which passes."""
        outcomes = await asyncio.gather(*(self._store(event) for event in events), return_exceptions=True)
        if any(outcomes):
            raise Outcomes(outcomes)

    async def _store(self, event: Event) -> None:
        principal = self._senders.check(event.user)
        if len(event.body) > MOST_MESSAGE_BYTES:
            raise Poison(f"INVALID_BATCH: {len(event.body)} bytes are more than {MOST_MESSAGE_BYTES}")
        batch = read(event.body)
        # Whether anything can be stored is not asked before: one message might hear that nothing can, and the next one
        # that it can, and would overtake it.
        one = One()
        await self._groups.add(batch, one)
        refusals = await one.outcome
        if refusals:
            rows = sum(refusal.rows for refusal in refusals)
            logger.info("message_refused", sender=principal, rows=rows, of=batch.rows)
            raise Poison("; ".join(f"{one.reason}: {one.rows} rows: {one.message}" for one in refusals))
