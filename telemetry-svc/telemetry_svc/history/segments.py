"""Segments: what the journal held, folded into a few hundred rows of one device a document.

The segments of a device follow each other in time and never overlap. A segment's id is its device and its first time;
it reaches to where the next one begins, and what comes late goes to the segment that it belongs to.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession

from telemetry_svc.columns.packing import pack_floats, pack_ints, unpack_floats, unpack_ints
from telemetry_svc.columns.rows import UNKNOWN, Rows
from telemetry_svc.store import Collection, Document

READ_AHEAD = 32


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one device by time, each time once. `from_ms`: its id; the first row may be later, never earlier."""

    device_id: int
    from_ms: int
    rows: Rows

    @property
    def to_ms(self) -> int:
        """The time of the last row."""
        return int(self.rows.time_ms[-1])


def documents_of(segments: Sequence[Segment]) -> list[Document]:
    """As they are stored. All of them have columns of the same metrics, as a fold gives them."""
    if not segments:
        return []
    lengths = np.array([len(segment.rows) for segment in segments])
    starts = np.cumsum(lengths) - lengths
    times = np.concatenate([segment.rows.time_ms for segment in segments])
    received = np.concatenate([segment.rows.received_ms for segment in segments])
    # What lies between the two is how long it was on its way, and how far the device's clock is off: small, mostly.
    packed = zip(pack_ints(times, starts), pack_ints(received - times, starts), strict=True)
    documents: list[Document] = [
        {
            "_id": {"device": segment.device_id, "from_ms": segment.from_ms},
            "to_ms": segment.to_ms,
            "rows": len(segment.rows),
            "times": measured,
            "received": after,
            "metrics": [],
            "values": [],
        }
        for segment, (measured, after) in zip(segments, packed, strict=True)
    ]
    for metric in segments[0].rows.values:
        column = np.concatenate([segment.rows.values[metric] for segment in segments])
        some = np.logical_or.reduceat(~np.isnan(column), starts).tolist()
        for document, packed, there in zip(documents, pack_floats(column, starts), some, strict=True):
            if there:
                document["metrics"].append(metric)
                document["values"].append(packed)
    return documents


def segment_of(document: Document) -> Segment:
    """What `documents_of` made a document of."""
    device_id, rows = document["_id"]["device"], document["rows"]
    times = unpack_ints(document["times"], rows)
    pairs = zip(document["metrics"], document["values"], strict=True)
    values = {metric: unpack_floats(packed, rows) for metric, packed in pairs}
    # Segments of an older release do not know.
    received = times + unpack_ints(document["received"], rows) if "received" in document else np.full(rows, UNKNOWN)
    return Segment(
        device_id, document["_id"]["from_ms"], Rows(np.full(rows, device_id, np.int32), times, values, received)
    )


class Segments:
    """The segments in the store."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def newest_first(self, device_id: int, from_ms: int, to_ms: int) -> AsyncIterator[Segment]:
        """A device's segments that reach into [from_ms, to_ms], as they are at one moment; opens none that does not."""
        async with self._collection.database.client.start_session(snapshot=True) as session:
            found = self._collection.find(
                _before(device_id, to_ms), sort=[("_id", pymongo.DESCENDING)], batch_size=READ_AHEAD, session=session
            )
            async with found:
                async for document in found:
                    if document["to_ms"] < from_ms:
                        return  # nor does any before it: they do not overlap
                    yield segment_of(document)

    async def heads(self, heads: Iterable[tuple[int, int]], session: AsyncClientSession) -> list[Segment]:
        """The segments of these devices and first times."""
        ids = [{"device": device_id, "from_ms": from_ms} for device_id, from_ms in heads]
        found = await self._collection.find({"_id": {"$in": ids}}, session=session).to_list()
        return await asyncio.to_thread(lambda: [segment_of(document) for document in found])

    async def around(self, device_id: int, from_ms: int, to_ms: int, session: AsyncClientSession) -> list[Segment]:
        """A device's segments that rows from `from_ms` to `to_ms` belong to: also the one that `from_ms` falls into."""
        first = await self._collection.find_one(
            _before(device_id, from_ms), ["_id"], sort=[("_id", pymongo.DESCENDING)], session=session
        )
        lowest = first["_id"]["from_ms"] if first else from_ms
        which = {"$gte": {"device": device_id, "from_ms": lowest}, "$lte": {"device": device_id, "from_ms": to_ms}}
        return [segment_of(document) async for document in self._collection.find({"_id": which}, session=session)]

    async def write(self, segments: Sequence[Segment], session: AsyncClientSession) -> None:
        """Writes segments, in place of those of the same id."""
        documents = await asyncio.to_thread(documents_of, segments)
        writes = [pymongo.ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
        if writes:
            await self._collection.bulk_write(writes, ordered=False, session=session)

    async def forget(self, before: Iterable[tuple[int, int]]) -> int:
        """Removes the segments of each device that end before its time; gives how many."""
        writes = [
            pymongo.DeleteMany({**_before(device_id, time_ms), "to_ms": {"$lt": time_ms}})
            for device_id, time_ms in before
        ]
        return (await self._collection.bulk_write(writes, ordered=False)).deleted_count if writes else 0


def _before(device_id: int, time_ms: int) -> dict[str, Any]:
    """Those of a device that begin at or before a time."""
    first = {"device": device_id, "from_ms": -(2**63)}
    return {"_id": {"$gte": first, "$lte": {"device": device_id, "from_ms": time_ms}}}
