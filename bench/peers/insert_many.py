"""What the driver alone can do: `insert_many` of a document for each batch, an array for each column."""

import asyncio
from collections.abc import Iterator
from time import perf_counter
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from bench.pace import Pace
from bench.shapes import METRICS, Shape

# Tried for a moment each: documents a call. Two calls at a time, so that the driver works while the disk does.
DOCUMENTS, AT_ONCE = (100, 300, 1_000), 2


async def insert_many(mongodb_uri: str, shape: Shape, ids: range, start_ms: int, pace: Pace) -> float:
    """Readings per second into a collection without any index but the one there always is."""
    async with AsyncMongoClient(mongodb_uri) as client:
        concern = WriteConcern("majority", j=True)
        collection = client["bench_insert_many"].get_collection("batches", write_concern=concern)
        batches = _batches(shape, ids, start_ms)

        async def load(documents: int, seconds: float) -> float:
            stored, began = 0, perf_counter()

            async def one() -> None:
                nonlocal stored
                while perf_counter() - began < seconds:
                    await collection.insert_many([next(batches) for _ in range(documents)], ordered=False)
                    stored += documents * shape.rows

            await asyncio.gather(*(one() for _ in range(AT_ONCE)))
            return stored / (perf_counter() - began)

        tried = {documents: await load(documents, pace.probe) for documents in DOCUMENTS}
        best = await load(max(tried, key=tried.__getitem__), pace.seconds)
        await client.drop_database("bench_insert_many")
    return best


def _batches(shape: Shape, ids: range, start_ms: int) -> Iterator[dict[str, Any]]:
    variants = [dict(zip(METRICS, columns, strict=True)) for columns in shape.values.tolist()]
    groups = shape.groups(ids, 0, 1)
    message = 0
    while True:
        times = shape.times(start_ms, message)[0].tolist()
        for number, group in enumerate(groups):
            yield {"device_id": group[0], "time_ms": times, **variants[(number + message) % len(variants)]}
        message += 1
