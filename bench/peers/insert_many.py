"""What the driver alone can do: `insert_many` of a document for each batch, an array for each column."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from bench.pace import Pace
from bench.shapes import METRICS, Shape
from bench.sides import liked_best

# Tried for a moment each: documents a call. Two calls at a time, so that the driver works while the disk does.
DOCUMENTS, AT_ONCE = (100, 300, 1_000), 2
DATABASE = "bench_insert_many"


class InsertMany:
    """A collection without any index but the one there always is."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], shape: Shape, batches: Iterator[dict[str, Any]]):
        concern = WriteConcern("majority", j=True)
        self._collection = client[DATABASE].get_collection("batches", write_concern=concern)
        self._rows = shape.rows
        self._batches = batches
        self._best = DOCUMENTS[0]

    async def choose(self, pace: Pace) -> None:
        """Tries how many documents a call are best."""
        self._best = await liked_best(DOCUMENTS, self._take, pace.probe)

    async def take(self, seconds: float) -> tuple[float, float]:
        """Stores for so long; how many readings, in how many seconds."""
        return await self._take(self._best, seconds)

    async def _take(self, documents: int, seconds: float) -> tuple[float, float]:
        stored, began = 0, perf_counter()

        async def one() -> None:
            nonlocal stored
            while perf_counter() - began < seconds:
                await self._collection.insert_many([next(self._batches) for _ in range(documents)], ordered=False)
                stored += documents * self._rows

        await asyncio.gather(*(one() for _ in range(AT_ONCE)))
        return stored, perf_counter() - began


@asynccontextmanager
async def inserting(mongodb_uri: str, shape: Shape, ids: range, start_ms: int) -> AsyncIterator[InsertMany]:
    """Its collection is dropped when the block ends."""
    async with AsyncMongoClient[dict[str, Any]](mongodb_uri) as client:
        try:
            yield InsertMany(client, shape, _batches(shape, ids, start_ms))
        finally:
            await client.drop_database(DATABASE)


def _batches(shape: Shape, ids: range, start_ms: int) -> Iterator[dict[str, Any]]:
    variants = [dict(zip(METRICS, columns, strict=True)) for columns in shape.values.tolist()]
    groups = shape.groups(ids, 0, 1)
    message = 0
    while True:
        times = shape.times(start_ms, message)[0].tolist()
        for number, group in enumerate(groups):
            yield {"device_id": group[0], "time_ms": times, **variants[(number + message) % len(variants)]}
        message += 1
