"""Which segment of each device is the newest one: the one that the next rows go to."""

from collections.abc import Sequence

import numpy as np
from bson import Binary
from pymongo.asynchronous.client_session import AsyncClientSession

from telemetry_svc.columns.frame import PARTITIONS, TIME, Ints
from telemetry_svc.history.segments import Segment
from telemetry_svc.store import Collection


class Heads:
    """A column for each partition, by `device_id // PARTITIONS`: the first time of the newest segment, 0: none.

    Written in the transaction that writes the segments, so it is never behind them.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._columns: dict[int, Ints] = {}
        self._written: Ints | None = None

    async def of(self, partition: int) -> Ints:
        """The column as it was committed last."""
        if partition not in self._columns:
            document = await self._collection.find_one({"_id": partition})
            stored = document["from_ms"] if document else b""
            self._columns[partition] = np.frombuffer(stored, TIME).astype(np.int64)
        return self._columns[partition]

    async def at(self, partition: int, devices: np.ndarray) -> Ints:
        """Likewise, of some devices of the partition."""
        column, places = await self.of(partition), devices // PARTITIONS
        found = np.zeros(len(places), np.int64)
        inside = places < len(column)
        found[inside] = column[places[inside]]
        return found

    async def write(self, partition: int, segments: Sequence[Segment], session: AsyncClientSession) -> None:
        """Takes in what is written in the same transaction."""
        self._written = None
        if not segments:
            return
        column = await self.of(partition)
        devices = np.array([segment.device_id for segment in segments], np.int64) // PARTITIONS
        changed = np.zeros(max(len(column), int(devices.max()) + 1), np.int64)
        changed[: len(column)] = column
        np.maximum.at(changed, devices, np.array([segment.from_ms for segment in segments], np.int64))
        if len(changed) != len(column) or (changed != column).any():
            document = {"from_ms": Binary(changed.astype(TIME).tobytes())}
            await self._collection.replace_one({"_id": partition}, document, upsert=True, session=session)
            self._written = changed

    def settle(self, partition: int) -> None:
        """The transaction is committed."""
        if self._written is not None:
            self._columns[partition], self._written = self._written, None

    def forget(self, partition: int) -> None:
        """Somebody else may have written it since."""
        self._columns.pop(partition, None)
