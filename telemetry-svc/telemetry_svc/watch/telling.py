"""Events that are stored inside the document whose change they tell of, and told afterwards: at least once, in order.

A document that has something to tell holds it in the array `events`, which is absent when all is told.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import numpy as np
from pymongo.errors import PyMongoError

from servicekit.broker import Broker, Unpublished
from servicekit.event import Event
from servicekit.logs import logger
from telemetry_svc.columns.frame import PARTITIONS, Mask
from telemetry_svc.store import Collection, Document

BATCH = 200
# Changes of this process come at once; this is for those of others, and after a failure.
POLL_SECONDS = 1.0

# The event's proto, serialized, of a routing key and the document as it was after the change.
Render = Callable[[str, Document], bytes]


def first(key: str, document: Document) -> Document:
    """A new document with the event of its making."""
    event = {"key": key, "version": document["version"], "at": document["updated_at"], "subject": document}
    return {**document, "events": [event]}


def changed(key: str, fields: Mapping[str, Any], at: datetime) -> list[dict[str, Any]]:
    """An update, as a pipeline, that sets fields, counts the version up, and adds the event that tells of it."""
    event = {
        "key": key,
        "version": "$version",
        "at": at,
        "subject": {"$unsetField": {"field": "events", "input": "$$ROOT"}},
    }
    return [
        {"$set": {**fields, "version": {"$add": ["$version", 1]}, "updated_at": at}},
        {"$set": {"events": {"$concatArrays": [{"$ifNull": ["$events", []]}, [event]]}}},
    ]


def _told(version: int) -> list[dict[str, Any]]:
    later = {"$filter": {"input": "$events", "cond": {"$gt": ["$$this.version", version]}}}
    return [
        {"$set": {"events": later}},
        {"$set": {"events": {"$cond": [{"$eq": ["$events", []]}, "$$REMOVE", "$events"]}}},
    ]


class Teller:
    """Tells what the documents of some collections have to tell; the owner of their device's partition does it."""

    def __init__(self, broker: Broker, renders: Sequence[tuple[Collection, Render]]) -> None:
        self._broker = broker
        self._renders = renders
        self._something = asyncio.Event()

    def nudge(self) -> None:
        """There is something new to tell."""
        self._something.set()

    async def run(self, mine: Mask) -> None:
        """Tells until it is cancelled: of the devices in the partitions of `mine`, and with the first partition also of
        what has no device."""
        while True:
            self._something.clear()
            told = 0
            try:
                for collection, render in self._renders:
                    told += await self._tell(collection, render, np.flatnonzero(mine).tolist())
            except (PyMongoError, Unpublished) as error:
                logger.warning("events_wait", error=str(error))
            if not told:
                with suppress(TimeoutError):  # looks all the same
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._something.wait()

    async def _tell(self, collection: Collection, render: Render, mine: Sequence[int]) -> int:
        partition = {"$mod": [{"$ifNull": ["$device_id", 0]}, PARTITIONS]}
        which = {"events.at": {"$exists": True}, "$expr": {"$in": [partition, mine]}}
        found = collection.find(which, limit=BATCH, hint="untold")
        documents = await found.to_list()
        telling = (self._tell_one(collection, render, document) for document in documents)
        for outcome in await asyncio.gather(*telling, return_exceptions=True):
            if outcome:
                raise outcome
        return len(documents)

    async def _tell_one(self, collection: Collection, render: Render, document: Document) -> None:
        for event in document["events"]:
            body = render(event["key"], event["subject"])
            identity = f"{document['_id']}:{event['version']}"
            await self._broker.publish(Event(event["key"], body, identity, event["at"]))
        await collection.update_one({"_id": document["_id"]}, _told(document["events"][-1]["version"]))
