"""The journal: groups of readings on a majority's disk, as columns."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import pymongo
import stamina
from pymongo.errors import BulkWriteError, PyMongoError

from telemetry_svc.clock import milliseconds, moment
from telemetry_svc.columns.frame import Frame
from telemetry_svc.store import Collection, Document

DUPLICATE_KEY = 11000
# A connection that hangs is given up for another one after that long.
ATTEMPT_SECONDS = 3.0
READ_AHEAD = 64


class NotStored(Exception):
    """The journal could not be reached in time. Part of the group may be stored all the same."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one group brought to one partition. Times are milliseconds since 1970, `from_ms` and `to_ms` inclusive."""

    id: tuple[bytes, int, int]
    received_ms: int
    from_ms: int
    to_ms: int
    frames: list[Frame]

    @property
    def rank(self) -> tuple[int, tuple[bytes, int, int]]:
        """Of readings of the same device, time and metric, that of the smallest rank is the one there is."""
        return self.received_ms, self.id


class Journal:
    """Appends and reads back. An entry's id is (writer, group, partition), the writer new at every start: so whoever
    tries again recognises what it had already stored.
    """

    def __init__(self, collection: Collection, *, patience_seconds: float) -> None:
        """`patience_seconds`: how long a group is tried before it has failed."""
        self._collection = collection
        self._patience = patience_seconds
        self._writer = uuid4().bytes

    async def append(self, group: int, frames: Sequence[Frame]) -> None:
        """Returns when all frames of the group are on a majority's disk. They must share their `received_ms`.

        Raises NotStored.
        """
        documents = self._documents(group, frames)
        try:
            async for attempt in stamina.retry_context(
                on=PyMongoError, attempts=None, timeout=self._patience, wait_initial=0.05, wait_max=1.0
            ):
                with attempt:
                    await self._insert(documents)
        except PyMongoError as error:
            raise NotStored(repr(error)) from error

    async def reachable(self) -> bool:
        """Whether a majority answers."""
        try:
            with pymongo.timeout(ATTEMPT_SECONDS):
                await self._collection.find_one({}, ["_id"])
        except PyMongoError:
            return False
        return True

    async def _insert(self, documents: list[Document]) -> None:
        try:
            with pymongo.timeout(min(ATTEMPT_SECONDS, self._patience)):
                await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            unwritten = [e for e in error.details["writeErrors"] if e["code"] != DUPLICATE_KEY]
            # A duplicate is ours, from an attempt whose answer did not arrive; the server has waited for the majority
            # all the same, or says here that it has not.
            if unwritten or error.details["writeConcernErrors"]:
                raise

    def _documents(self, group: int, frames: Sequence[Frame]) -> list[Document]:
        documents: dict[int, Document] = {}
        for frame in frames:
            for partition, part in frame.partitions():
                from_ms, to_ms = int(part.time_ms.min()), int(part.time_ms.max())
                document = documents.setdefault(
                    partition,
                    {
                        "_id": {"writer": self._writer, "group": group, "partition": partition},
                        "partition": partition,
                        "received_at": moment(frame.received_ms),
                        "from_ms": from_ms,
                        "to_ms": to_ms,
                        "frames": [],
                    },
                )
                document["from_ms"] = min(document["from_ms"], from_ms)
                document["to_ms"] = max(document["to_ms"], to_ms)
                document["frames"].append(part.to_binary())
        return list(documents.values())

    async def newest_first(self, partition: int, from_ms: int, to_ms: int) -> AsyncIterator[Entry]:
        """A partition's entries that reach into [from_ms, to_ms], those that reach furthest first."""
        found = self._collection.find(
            {"partition": partition, "to_ms": {"$gte": from_ms}, "from_ms": {"$lte": to_ms}},
            sort=[("to_ms", pymongo.DESCENDING)],
            batch_size=READ_AHEAD,
        )
        async with found:
            async for document in found:
                yield _entry(document)

    async def since(self, received_ms: int) -> AsyncIterator[Entry]:
        """All entries received at or after a time, in the order of their receipt."""
        found = self._collection.find(
            {"received_at": {"$gte": moment(received_ms)}}, sort=[("received_at", pymongo.ASCENDING)]
        )
        async with found:
            async for document in found:
                yield _entry(document)


def _entry(document: Document) -> Entry:
    identity = document["_id"]
    received_ms = milliseconds(document["received_at"])
    return Entry(
        (identity["writer"], identity["group"], identity["partition"]),
        received_ms,
        document["from_ms"],
        document["to_ms"],
        [Frame.from_binary(columns, received_ms) for columns in document["frames"]],
    )
