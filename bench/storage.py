"""What a reading takes on disk in the end: here, and with others."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import rich
from pymongo import ASCENDING, AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from bench.fleet import FIRST_ID, seed
from bench.machine import stored_bytes
from bench.pace import Pace
from bench.peers.debian import NoPeer
from bench.peers.influxdb import SETTLES_SOON, influxdb
from bench.peers.line_server import LineServer
from bench.peers.victoriametrics import victoriametrics
from bench.shapes import METRICS
from bench.telemetry import telemetry
from bench.walks import MINUTE_MS, Walks
from fieldstock_dev.stack import Stack
from telemetry_svc.company import Company
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.tasks import end

DEVICES, MINUTES, OLDEST_HOURS = 1_000, 22 * 60, 23.5
PATIENCE_SECONDS, FOLD_SECONDS, SETTLE_SECONDS = 30.0, 60.0, 60.0
# So many are stored and folded together: those of an hour.
GROUPS = 3_840
# A size that has not changed for so long will not.
STILL_SECONDS = 3.0
# What is there with no reading at all.
NOT_READINGS = ("devices", "types", "rules", "journal")


async def bytes_per_reading(stack: Stack, pace: Pace) -> dict[str, float]:
    """Of 3 metrics at a resolution of 0.1, one reading a minute, 22 hours of 1,000 devices; with all indexes.

    Ours keeps besides when each of them was received.
    """
    ids = range(FIRST_ID, FIRST_ID + round(DEVICES * pace.size))
    walks = Walks(ids, int(time.time() * 1000 - OLDEST_HOURS * 3_600_000) // MINUTE_MS * MINUTE_MS, MINUTES)
    with tempfile.TemporaryDirectory(prefix="fieldstock-peers-") as name:
        sizes = {"": await _ours(stack, walks), ".rest_per_reading": await _documents(stack, walks)}
        for peer, weigh in (("victoriametrics", _victoriametrics), ("influxdb", _influxdb)):
            try:
                sizes[f".{peer}"] = await weigh(Path(name), walks)
            except NoPeer as missing:
                rich.print(f"    without {peer}: {missing}")
    return {f"ingest.bytes_per_reading{of}": size / walks.readings for of, size in sizes.items()}


async def _ours(stack: Stack, walks: Walks) -> int:
    """Raises RuntimeError when the journal is not folded in time.

    What is sent now is received now, and not in the course of a day: so it goes into the journal as if another replica
    had received it then.
    """
    async with telemetry(stack, "storage", FOLD_SECONDS="2") as own:
        await seed(own.database, walks.ids)
        replica = Company(own.database["writers"], patience_seconds=PATIENCE_SECONDS)
        staying = asyncio.create_task(replica.run())
        try:
            await replica.joined()
            async with own.running():
                await _fold(own.database["journal"], walks)
        finally:
            await end(staying)
        return await _size(own.database, but=NOT_READINGS)


async def _fold(collection: AsyncCollection[dict[str, Any]], walks: Walks) -> None:
    journal = Journal(collection, patience_seconds=PATIENCE_SECONDS)
    groups = enumerate(walks.frames())
    while part := dict(islice(groups, GROUPS)):
        await journal.append_apart(part)
        deadline = perf_counter() + FOLD_SECONDS
        while left := await collection.count_documents({}):
            if perf_counter() > deadline:
                raise RuntimeError(f"{left} entries of the journal are not folded after {FOLD_SECONDS:.0f} s")
            await asyncio.sleep(0.2)


async def _victoriametrics(folder: Path, walks: Walks) -> int:
    async with victoriametrics(folder) as peer:
        await _post(peer, walks)
        url = f"http://{peer.host}:{peer.port}"
        async with httpx.AsyncClient(base_url=url, timeout=SETTLE_SECONDS) as http:
            for step in ("force_flush", "force_merge"):
                (await http.get(f"/internal/{step}")).raise_for_status()
        return await _settled(lambda: asyncio.to_thread(stored_bytes, peer.data))


async def _influxdb(folder: Path, walks: Walks) -> int:
    async with influxdb(folder, SETTLES_SOON) as peer:
        await _post(peer, walks)

        async def size() -> int:
            # Of what is still only in its log, nothing is known yet.
            waiting = stored_bytes(peer.data / "wal")
            return -waiting if waiting > walks.readings else stored_bytes(peer.data / "data")

        return await _settled(size)


async def _post(peer: LineServer, walks: Walks) -> None:
    lines = (_line(*row) for row in walks.rows())
    async with httpx.AsyncClient(base_url=f"http://{peer.host}:{peer.port}", timeout=SETTLE_SECONDS) as http:
        while part := list(islice(lines, 5_000)):
            (await http.post(peer.path, content="\n".join(part).encode())).raise_for_status()


def _line(device: int, time_ms: int, values: list[float]) -> str:
    fields = ",".join(f"{metric}={value}" for metric, value in zip(METRICS, values, strict=True))
    return f"readings,device={device} {fields} {time_ms}"


async def _documents(stack: Stack, walks: Walks) -> int:
    """As the seed's design stores them."""
    async with AsyncMongoClient(stack.mongodb_uri) as client:
        database = client["bench_documents"]
        readings = database["readings"]
        await readings.create_index([("device_id", ASCENDING), ("time", ASCENDING)])
        documents = _each(walks)
        while part := list(islice(documents, 10_000)):
            await readings.insert_many(part, ordered=False)
        size = await _size(database)
        await client.drop_database(database.name)
    return size


def _each(walks: Walks) -> Iterator[dict[str, Any]]:
    for device, time_ms, values in walks.rows():
        metrics = dict(zip(METRICS, values, strict=True))
        yield {"device_id": device, "time": datetime.fromtimestamp(time_ms / 1000, UTC), "metrics": metrics}


async def _size(database: AsyncDatabase[dict[str, Any]], but: tuple[str, ...] = ()) -> int:
    """Bytes of its collections and their indexes, once they are written out."""
    await database.client.admin.command("fsync")
    return sum(
        [
            (await database.command("collStats", name))["totalSize"]
            for name in await database.list_collection_names()
            if name not in but
        ]
    )


async def _settled(size: Callable[[], Awaitable[int]]) -> int:
    """A size once it stands still; a negative one never counts. Raises TimeoutError."""
    last, since = -1, perf_counter()
    async with asyncio.timeout(SETTLE_SECONDS):
        while last < 0 or perf_counter() - since < STILL_SECONDS:
            now = await size()
            if now != last:
                last, since = now, perf_counter()
            await asyncio.sleep(0.2)
    return last
