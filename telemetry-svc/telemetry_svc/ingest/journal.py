"""The journal: groups of readings on a majority's disk, as columns."""

from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping, Sequence
from collections.abc import Collection as Collection_
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import bson
import pymongo
import stamina
from bson.errors import BSONError
from bson.timestamp import Timestamp
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError, PyMongoError

from telemetry_svc.clock import milliseconds, moment
from telemetry_svc.columns.frame import Frame
from telemetry_svc.columns.narrow import Columns, Narrow, frame_of, rows_of
from telemetry_svc.ingest import raw
from telemetry_svc.store import Collection, Document

DUPLICATE_KEY = 11000
# BadValue, InvalidBSON, DocumentValidationFailure, BSONObjectTooLarge: said of a document, and for good.
NEVER = frozenset({2, 22, 121, 10334})
LARGEST_DOCUMENT = 16 * 1024 * 1024
# So many are inserted at once where a group is taken apart.
APART_AT_ONCE = 1_000
# A connection that hangs is given up for another one after that long.
ATTEMPT_SECONDS = 3.0
READ_AHEAD = 256
# And where most of what is read is passed over.
MANY_AT_ONCE = 1_000
# Whoever waits for news looks up that often.
NEWS_MS = 500


class NotStored(Exception):
    """The journal could not be reached in time. Part of the group may be stored all the same."""


# The writer, new at every start of a process, and the number of its group.
Group = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one group brought to one partition: of each set of metrics, columns. `received_ms`: milliseconds since
    1970."""

    partition: int
    group: Group
    received_ms: int
    columns: Sequence[Columns]

    @property
    def frames(self) -> list[Frame]:
        """All rows, a frame for each set of metrics; made anew each time."""
        return [frame_of(columns, self.received_ms) for columns in self.columns]

    @property
    def rank(self) -> tuple[int, Group]:
        """Of readings of the same device, time and metric, that of the smallest rank is the one there is."""
        return self.received_ms, self.group

    def __len__(self) -> int:
        return sum(map(rows_of, self.columns))


class Journal:
    """Appends and reads back. An entry's id is (partition, writer, group), the writer new at every start: so whoever
    tries again recognises what it had already stored.
    """

    def __init__(self, collection: Collection, *, patience_seconds: float) -> None:
        """`patience_seconds`: how long a group is tried before it has failed."""
        self._collection = collection
        self._patience = patience_seconds
        self.writer = uuid4().bytes

    async def append(self, group: int, frames: Sequence[Frame]) -> dict[int, str]:
        """Returns when all frames of the group are on a majority's disk, but for what can never be stored: gives the
        partitions of which that is so, and why. The frames must share their `received_ms`.

        Raises NotStored.
        """
        documents = self._documents(group, frames)
        never = await self._store(documents)
        return {documents[place]["_id"]["partition"]: why for place, why in never.items()}

    async def append_apart(self, pieces: Mapping[int, Frame]) -> dict[int, str]:
        """Likewise, of groups that are each of one partition; gives those of them that can never be stored."""
        documents = [document for group, frame in pieces.items() for document in self._documents(group, [frame])]
        never: dict[int, str] = {}
        for start in range(0, len(documents), APART_AT_ONCE):
            some = documents[start : start + APART_AT_ONCE]
            found = await self._store(some)
            never |= {some[place]["_id"]["group"]: why for place, why in found.items()}
        return never

    async def _store(self, documents: Sequence[Document]) -> dict[int, str]:
        """Stores documents, but for those that never can be: their places, and why."""
        try:
            async for attempt in stamina.retry_context(
                on=PyMongoError, attempts=None, timeout=self._patience, wait_initial=0.05, wait_max=1.0
            ):
                with attempt:
                    return await self._insert(documents)
        except PyMongoError as error:
            raise NotStored(repr(error)) from error
        except (BSONError, OverflowError):
            never = {place: why for place, document in enumerate(documents) if (why := _not_encodable(document))}
            if not never:
                raise
            # What the server says of the others, by their places among all.
            places = [place for place in range(len(documents)) if place not in never]
            others = await self._store([documents[place] for place in places]) if places else {}
            return never | {places[place]: why for place, why in others.items()}
        raise AssertionError("it is tried until it succeeds or fails")

    async def reachable(self) -> bool:
        """Whether it answers what a majority has."""
        try:
            with pymongo.timeout(ATTEMPT_SECONDS):
                await self._collection.find_one({}, ["_id"])
        except PyMongoError:
            return False
        return True

    async def _insert(self, documents: Sequence[Document]) -> dict[int, str]:
        try:
            with pymongo.timeout(min(ATTEMPT_SECONDS, self._patience)):
                await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            unwritten = [e for e in error.details["writeErrors"] if e["code"] != DUPLICATE_KEY]
            # A duplicate is ours, from an attempt whose answer did not arrive; the server has waited for the majority
            # all the same, or says here that it has not.
            if error.details["writeConcernErrors"] or any(e["code"] not in NEVER for e in unwritten):
                raise
            return {e["index"]: e["errmsg"] for e in unwritten}
        return {}

    def _documents(self, group: int, frames: Sequence[Frame]) -> list[Document]:
        documents: dict[int, Document] = {}
        for frame in frames:
            for part in Narrow.of(frame).parts():
                document = documents.setdefault(
                    part.partition,
                    {
                        # The partition first: the index of the ids is all that finds a partition's entries.
                        "_id": {"partition": part.partition, "writer": self.writer, "group": group},
                        "received_at": moment(frame.received_ms),
                        "from_ms": part.from_ms,
                        "to_ms": part.to_ms,
                        "rows": 0,
                        "frames": [],
                    },
                )
                document["from_ms"] = min(document["from_ms"], part.from_ms)
                document["to_ms"] = max(document["to_ms"], part.to_ms)
                document["rows"] += part.rows
                document["frames"].append(part.columns)
        return list(documents.values())

    async def within(
        self, partition: int, device_ids: Collection_[int], from_ms: int, to_ms: int
    ) -> AsyncIterator[tuple[list[Entry], int]]:
        """A partition's entries that reach into [from_ms, to_ms], all that have rows of these devices among them, in no
        order; some at once, with how many bytes were looked at for them."""
        reach = {"to_ms": {"$gte": from_ms}, "from_ms": {"$lte": to_ms}}
        # Most have nothing of a device. That is seen in the bytes sooner than they are decoded.
        sought = raw.sought(device_ids)
        # They are bytes, whatever their type says.
        found: Any = self._collection.find_raw_batches({**_of(partition), **reach}, batch_size=MANY_AT_ONCE)
        async with found:
            async for batch in found:
                some = [one for one in raw.documents_in(batch) if raw.has_any(one, sought)]
                options = self._collection.codec_options
                yield [_entry(bson.decode(document, options)) for document in some], len(batch)

    async def oldest(self, partition: int, most_rows: int) -> tuple[list[Entry], int]:
        """The entries of a partition that were received first, of so many rows or a few more; and how many are left."""
        receipts = await self._receipts(partition)
        total, count = 0, 0
        while count < len(receipts) and total < most_rows:
            total += receipts[count]["rows"]
            count += 1
        entries = [entry async for entry in self._read([receipt["_id"] for receipt in receipts[:count]])]
        return entries, len(receipts) - count

    async def but(self, partition: int, known: Container[Group]) -> AsyncIterator[Entry]:
        """A partition's entries that are not of the `known` groups, in the order of their receipt."""
        receipts = await self._receipts(partition)
        async for entry in self._read([one["_id"] for one in receipts if group_of(one["_id"]) not in known]):
            yield entry

    async def _receipts(self, partition: int) -> list[Document]:
        # At one moment: else the later of two readings might be among them, and the one before not.
        async with self._collection.database.client.start_session(snapshot=True) as session:
            found = await self._collection.find(_of(partition), ["received_at", "rows"], session=session).to_list()
        return sorted(found, key=lambda one: (one["received_at"], one["_id"]["writer"], one["_id"]["group"]))

    async def _read(self, ids: Sequence[Document]) -> AsyncIterator[Entry]:
        """These entries, in this order; some may be gone."""
        for start in range(0, len(ids), READ_AHEAD):
            some = ids[start : start + READ_AHEAD]
            found = await self._collection.find({"_id": {"$in": some}}).to_list()
            by_group = {group_of(document["_id"]): document for document in found}
            for identity in some:
                if document := by_group.get(group_of(identity)):
                    yield _entry(document)

    async def news(
        self, partitions: Collection_[int], on_open: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[list[Entry]]:
        """The entries that anybody stores of these partitions from now on, in the order in which they were committed,
        as many at once as there are; none now and then. `on_open` runs once none can be missed."""
        stored = {"operationType": "insert", "documentKey._id.partition": {"$in": sorted(partitions)}}
        # Not the driver's own change stream, which gives one after the other and never says whether there are more.
        # It gives the cursor of a command, which is not what its type says.
        changes: Any = await self._collection.aggregate_raw_batches(
            [
                {"$changeStream": {"startAtOperationTime": await self._now()}},
                {"$match": stored},
                # All else that is told of a change would only be decoded, and thrown away.
                {"$project": {"fullDocument": True}},
            ],
            batchSize=READ_AHEAD,
            maxAwaitTimeMS=NEWS_MS,
        )
        async with changes:
            await on_open()
            while changes.alive:
                batch = await changes.try_next()
                found = bson.decode_all(batch, self._collection.codec_options) if batch else []
                yield [_entry(change["fullDocument"]) for change in found]

    async def _now(self) -> Timestamp:
        """The moment after all that a majority has by now. By itself a change stream begins when it is opened: after
        what is stored then, but is not with a majority yet, so that nobody reads it either."""
        async with self._collection.database.client.start_session() as session:
            await self._collection.find_one({}, ["_id"], session=session)
            known = session.operation_time
        assert known is not None, "a replica set tells its time"
        return Timestamp(known.time, known.inc + 1)

    async def remove(self, entries: Sequence[Entry], session: AsyncClientSession) -> None:
        """Removes exactly these, in a transaction that keeps what they hold."""
        if entries:
            ids = [{"partition": e.partition, "writer": e.group[0], "group": e.group[1]} for e in entries]
            await self._collection.delete_many({"_id": {"$in": ids}}, session=session)

    async def size(self) -> int:
        """Bytes of all entries, before compression, as MongoDB has noted them."""
        stats = await self._collection.aggregate([{"$collStats": {"storageStats": {}}}])
        return sum([one["storageStats"]["size"] async for one in stats])

    async def counted_size(self) -> int:
        """Likewise, counted: it reads all of them."""
        sums = await self._collection.aggregate([{"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}])
        return sum([one["bytes"] async for one in sums])


def _not_encodable(document: Document) -> str:
    """Why the driver would not send it; empty: it would."""
    try:
        size = len(bson.encode(document))
    except (BSONError, OverflowError) as error:
        return repr(error)
    return f"{size} bytes" if size > LARGEST_DOCUMENT else ""


def _of(partition: int) -> dict[str, Any]:
    """All ids of a partition lie between its number and the next one."""
    return {"_id": {"$gte": {"partition": partition}, "$lt": {"partition": partition + 1}}}


def group_of(identity: Document) -> Group:
    """The group that an entry came with."""
    return identity["writer"], identity["group"]


def _entry(document: Document) -> Entry:
    identity = document["_id"]
    received_ms = milliseconds(document["received_at"])
    return Entry(identity["partition"], group_of(identity), received_ms, document["frames"])
