"""The collections of this service in MongoDB, and their indexes."""

from typing import Any

import pymongo.lock
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from telemetry_svc import tasks

Document = dict[str, Any]
Collection = AsyncCollection[Document]

# Majority and journal: a standalone or w:1 acknowledgement has been seen to vanish under kill -9.
DURABLE = WriteConcern("majority", j=True)
# What a majority has: a reading that was read is never taken back.
MAJORITY = ReadConcern("majority")

# The session was ended, in the middle of something or between two parts of an answer: the driver's reads share sessions
# with transactions, and who takes us for dead ends those. Interrupted, CursorNotFound, CursorKilled.
INTERRUPTED = frozenset({11601, 43, 237})

SERVER_SELECTION_MS = 2_000
# After a stall the driver goes by how long its last question took, until it has asked again: what has less time than
# that is not sent at all.
HEARTBEAT_MS = 2_000
ANSWER_SECONDS = 10.0
# Where there may be millions, so many documents are read at once: while more are decoded, nothing else goes on, and a
# replica that does not say for seconds that it is alive is replaced.
READ_AT_ONCE = 5_000


class Store:
    """The collections, each with the write and read concern that everything in them deserves."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        def collection(name: str) -> Collection:
            return database.get_collection(
                name,
                codec_options=CodecOptions(tz_aware=True),
                write_concern=DURABLE,
                read_concern=MAJORITY,
            )

        self.database = database
        # One document per group of readings and partition: see ingest/journal.py.
        self.journal = collection("journal")
        # The names of all metrics there are: one document.
        self.metrics = collection("metrics")
        # Inventory's devices, as its events tell of them.
        self.devices = collection("devices")
        # Inventory's types of devices, likewise.
        self.types = collection("types")
        self.rules = collection("rules")
        self.alerts = collection("alerts")
        # What the readings said of each device, a block for each partition: see watch/state.py.
        self.states = collection("states")
        # What the journal held, folded: see history/segments.py; and the newest one of each device: history/heads.py.
        self.segments = collection("segments")
        self.heads = collection("heads")
        # What was measured, in numbers: see history/statistics.py.
        self.statistics = collection("statistics")
        # Who watches which partition, and who is there to do it: see partitions.py. And what keeps others from writing
        # for it: see fence.py.
        self.leases = collection("leases")
        self.fences = collection("fences")
        self.members = collection("members")
        # What replicas heard of the clocks of others' devices: see watch/hearsay.py.
        self.heard = collection("heard")
        # Who stores readings: see company.py.
        self.writers = collection("writers")
        # What was done once and is not to be done again.
        self.marks = collection("marks")
        # Service accounts that have ended: see ingest/senders.py.
        self.revoked = collection("revoked")


def is_away(error: Exception) -> bool:
    """Whether it was raised because no member of the replica set answered, or not in time, or it was interrupted: it
    passes."""
    interrupted = isinstance(error, OperationFailure) and error.code in INTERRUPTED
    return interrupted or isinstance(error, (ConnectionFailure, ExecutionTimeout))


def connect(uri: str, name: str, *, answer_seconds: float | None = None) -> AsyncMongoClient[Document]:
    """A client; connects at its first use. `name`: of the process, in MongoDB's log.

    `answer_seconds`: a server that has not answered by then has hung; None where an answer may take its time.
    """
    # What waited for a server while none answered, and was given up, could take the lock of all that is known of the
    # servers with it: then nothing of this process got through to MongoDB ever again, though it was back.
    pymongo.lock.wait_for = tasks.wait_for  # pyright: ignore[reportPrivateImportUsage]
    return AsyncMongoClient(
        uri,
        appname=name,
        serverSelectionTimeoutMS=SERVER_SELECTION_MS,
        connectTimeoutMS=SERVER_SELECTION_MS,
        heartbeatFrequencyMS=HEARTBEAT_MS,
        socketTimeoutMS=answer_seconds and round(answer_seconds * 1000),
    )


async def migrate(store: Store) -> None:
    """Makes what is missing. Old data and a running older version are at ease with all of it."""
    existing = set(await store.database.list_collection_names())
    # Much, and seldom written: worth the better compression.
    engine = {"wiredTiger": {"configString": "block_compressor=zstd"}}
    for collection in (store.segments, store.statistics):
        if collection.name not in existing:
            await store.database.create_collection(collection.name, storageEngine=engine)
    # A transaction would otherwise have to make them.
    for collection in (store.journal, store.heads, store.states, store.alerts):
        if collection.name not in existing:
            await store.database.create_collection(collection.name)
    await _renumber(store.journal)
    # Those that went without a word.
    gone = IndexModel([("expires_at", ASCENDING)], name="gone", expireAfterSeconds=60)
    await store.members.create_indexes([gone])
    await store.writers.create_indexes([gone])
    await store.heard.create_indexes([IndexModel([("at", ASCENDING)], name="gone", expireAfterSeconds=60)])
    await store.alerts.create_indexes(
        [
            IndexModel(
                [("rule_id", ASCENDING), ("device_id", ASCENDING)],
                name="one_open",
                unique=True,
                partialFilterExpression={"resolved_at": None},
            ),
            IndexModel([("opened_at", DESCENDING), ("_id", DESCENDING)], name="newest_first"),
            IndexModel([("device_id", ASCENDING), ("opened_at", DESCENDING)], name="of_device"),
            # The few that somebody resolved while their condition held, and it still does.
            IndexModel(
                [("rule_id", ASCENDING), ("device_id", ASCENDING)],
                name="muted",
                partialFilterExpression={"muted": True},
            ),
            # Absent once all is told: the index holds only what waits.
            IndexModel([("events.at", ASCENDING)], name="untold", sparse=True),
        ]
    )
    await store.devices.create_indexes(
        [
            IndexModel([("name_key", ASCENDING), ("_id", ASCENDING)], name="by_name"),
            IndexModel([("serial_key", ASCENDING), ("_id", ASCENDING)], name="by_serial"),
            IndexModel([("stored_at", ASCENDING)], name="newest"),
            # Those that were refused a token, and of which nothing was made yet.
            IndexModel([("refused_at", ASCENDING)], name="refused", sparse=True),
        ]
    )
    await store.rules.create_indexes([IndexModel([("events.at", ASCENDING)], name="untold", sparse=True)])


async def _renumber(journal: Collection) -> None:
    """Gives the entries of the first release today's ids, which begin with the partition. To go with the next one."""
    for index in {"newest_first", "expiry"} & set(await journal.index_information()):
        await journal.drop_index(index)
    async for entry in journal.find({"_id.partition": {"$exists": True}, "partition": {"$exists": True}}):
        identity, partition = entry["_id"], entry.pop("partition")
        rows = sum(len(frame["device"]) // 4 for frame in entry["frames"])
        renumbered = {"partition": partition, "writer": identity["writer"], "group": identity["group"]}
        await journal.replace_one({"_id": renumbered}, {**entry, "_id": renumbered, "rows": rows}, upsert=True)
        await journal.delete_one({"_id": identity})
