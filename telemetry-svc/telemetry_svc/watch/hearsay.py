"""What a replica heard of the clocks of devices that another one watches, on its way to that one.

The journal does not tell: the readings of a device whose clock is far off are not even stored.
"""

from uuid import uuid4

import numpy as np
import pymongo

from telemetry_svc.clock import Clock, moment
from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.columns.frame import PARTITIONS, Mask
from telemetry_svc.store import Collection


class Hearsay:
    """A document for each replica and partition: what the replica heard last. It is small talk: a device that speaks is
    heard again, so what nobody read before it was written over is not missed for long."""

    def __init__(self, heard: Collection, fleet: Fleet, clock: Clock) -> None:
        self._heard = heard
        self._fleet = fleet
        self._clock = clock
        self._replica = uuid4().hex
        # When the newest was heard of what was told: what comes later, is heard later.
        self._told_ms = 0
        # By document: as of when it was read.
        self._read: dict[tuple[int, str], object] = {}

    async def tell(self, mine: Mask) -> None:
        """Says what was heard since the last time of devices that are not `mine`. Raises PyMongoError."""
        heard_ms = self._fleet.clocks.heard_ms
        device = np.flatnonzero(heard_ms > self._told_ms)
        device = device[~mine[device % PARTITIONS]]
        if not len(device):
            return
        newest_ms = int(heard_ms[device].max())
        at, partition = moment(self._clock()), device % PARTITIONS
        writes = [
            pymongo.ReplaceOne(
                {"_id": {"partition": one, "replica": self._replica}},
                {"at": at, **self._fleet.clocks.to_binary(device[partition == one])},
                upsert=True,
            )
            for one in np.unique(partition).tolist()
        ]
        await self._heard.bulk_write(writes, ordered=False)
        self._told_ms = newest_ms

    async def learn(self, mine: Mask) -> None:
        """Takes in what others said since the last time of devices that are `mine`. Raises PyMongoError."""
        partitions = np.flatnonzero(mine).tolist()
        said = await self._heard.find({"_id.partition": {"$in": partitions}}, ["at"]).to_list()
        marks = {(one["_id"]["partition"], one["_id"]["replica"]): one["at"] for one in said}
        news = [
            {"partition": partition, "replica": replica}
            for (partition, replica), at in marks.items()
            if replica != self._replica and self._read.get((partition, replica)) != at
        ]
        if news:
            async with self._heard.find({"_id": {"$in": news}}) as found:
                async for document in found:
                    heard = self._fleet.hear_of_clocks(document)
                    self._fleet.dirty[heard % PARTITIONS] = True
        self._read = marks
