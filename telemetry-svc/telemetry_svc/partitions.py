"""Who watches which partitions: each of them has one owner among the replicas, as long as it says so."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from servicekit.logs import logger
from telemetry_svc.clock import Clock
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.fence import Fence, end_sessions
from telemetry_svc.store import Collection, Document

LEASE_SECONDS = 6.0
# A few tries fit into a lease.
TICK_SECONDS = 1.0
# Given up that long before MongoDB would give it to another: a write on its way must not come after the other's.
MARGIN_SECONDS = 1.0
ANSWER_SECONDS = 2.0
# When MongoDB comes back, nobody has been able to say that it is alive: who stands by gives the others that long to do
# so, before it takes their partitions for them.
STEADY_SECONDS = 3.0


async def make(leases: Collection) -> None:
    """Makes the leases that are missing: nobody's."""
    free = {"owner": "", "epoch": 0, "expires_at": datetime.fromtimestamp(0, UTC)}
    writes = [
        pymongo.UpdateOne({"_id": partition}, {"$setOnInsert": free}, upsert=True) for partition in range(PARTITIONS)
    ]
    await leases.bulk_write(writes, ordered=False)


class Partitions:
    """Takes its share of the partitions, and lets go of what is more, as replicas come and go.

    A replica is alive while its document in `members` is renewed; times are MongoDB's own. Each has at most
    `ceil(PARTITIONS / replicas)` partitions, so each finds some free, or about to be. One that stands by has none as
    long as there is another one that does not.
    """

    def __init__(
        self,
        leases: Collection,
        fences: Collection,
        members: Collection,
        *,
        gain: Callable[[int], None],
        lose: Callable[[int], None],
        healthy_since_ms: Callable[[], int | None],
        standby: bool,
        clock: Clock,
    ) -> None:
        """`gain` is called when a partition has become ours, `lose` before it is given up, or after it was lost;
        `healthy_since_ms`: since when this replica could store all it was sent."""
        self._clock = clock
        self._leases = leases
        self._members = members
        self._gain = gain
        self._lose = lose
        self._own_health = healthy_since_ms
        self._standby = standby
        self.fence = Fence(fences, members)
        self._others: Mapping[str, Document] = {}
        # Who was there before us we do not know: every device has its time again.
        self._changed_ms = clock()
        # The event loop's time since which we could say in time, each time, that we are alive.
        self._steady_since = 0.0

    @property
    def mine(self) -> list[int]:
        """The partitions that are ours."""
        return sorted(self.fence.epochs)

    def healthy_since_ms(self) -> int | None:
        """Since when every replica that was alive could store all it was sent; None: one cannot."""
        healths = [self._own_health(), *(one["healthy_since_ms"] for one in self._others.values())]
        if None in healths:
            return None
        return max([self._changed_ms, *(health for health in healths if health is not None)])

    async def run(self) -> None:
        """Takes and keeps partitions until it is cancelled, and gives them all back then."""
        try:
            while True:
                try:
                    with pymongo.timeout(ANSWER_SECONDS):
                        await self._renew()
                        wanted = await self._share()
                    with pymongo.timeout(ANSWER_SECONDS):
                        await self._settle(wanted)
                except PyMongoError as error:
                    logger.warning("leases_not_renewed", error=str(error))
                if self.fence.epochs and asyncio.get_running_loop().time() >= self.fence.until:
                    logger.warning("leases_lost", partitions=len(self.fence.epochs))
                    await self._lost(self.mine)
                await asyncio.sleep(TICK_SECONDS)
        finally:
            await self._leave()

    async def _renew(self) -> None:
        """Says that we are alive, and that what is ours stays ours."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LEASE_SECONDS - MARGIN_SECONDS
        end = {"$add": ["$$NOW", round(LEASE_SECONDS * 1000)]}
        member = {"expires_at": end, "healthy_since_ms": self._own_health(), "standby": self._standby}
        renewed = await self._members.update_one({"_id": self.fence.owner}, [{"$set": member}], upsert=True)
        # Some ticks went by: another one's lease may have ended, that was renewed before ours.
        if loop.time() >= self.fence.until - 2 * TICK_SECONDS:
            self._steady_since = loop.time()
        if renewed.upserted_id:
            self.fence.note_anew()
        await self._leases.update_many({"owner": self.fence.owner}, [{"$set": {"expires_at": end}}])
        ours = {one["_id"]: one["epoch"] async for one in self._leases.find({"owner": self.fence.owner})}
        gone = [partition for partition in self.mine if ours.get(partition) != self.fence.epochs[partition]]
        self.fence.until = until
        await self._lost(gone)
        # Taken, or not let go of, by a write whose answer did not arrive.
        unknown = {partition: ours[partition] for partition in ours.keys() - self.fence.epochs.keys()}
        unknown = await self.fence.shut_out(unknown)
        self.fence.epochs |= unknown
        for partition in unknown:
            self._gain(partition)

    async def _share(self) -> int:
        """How many partitions should be ours, by who is alive."""
        alive = self._members.find({"$expr": {"$gt": ["$expires_at", "$$NOW"]}})
        others = {one["_id"]: one async for one in alive if one["_id"] != self.fence.owner}
        if self._others.keys() - others.keys():
            # Whoever went away left devices behind that have to find another replica: they get their time again.
            self._changed_ms = self._clock()
        if others.keys() != self._others.keys():
            logger.info("replicas", alive=len(others) + 1)
        self._others = others
        rivals = sum(one.get("standby", False) == self._standby for one in others.values())
        if self._standby and rivals < len(others):
            return 0
        share = -(-PARTITIONS // (rivals + 1))
        if self._standby and asyncio.get_running_loop().time() < self._steady_since + STEADY_SECONDS:
            return min(share, len(self.mine))
        return share

    async def _settle(self, wanted: int) -> None:
        written = self.fence.written
        if more := [partition for partition in self.mine[wanted:] if partition not in written]:
            for partition in more:
                self._lose(partition)
                self.fence.epochs.pop(partition, None)
            await self._release({"_id": {"$in": more}})
        if len(self.fence.epochs) < wanted:
            for partition in await self._take(wanted - len(self.fence.epochs)):
                self._gain(partition)

    async def _take(self, most: int) -> list[int]:
        """Takes free partitions, at most so many."""
        until = asyncio.get_running_loop().time() + LEASE_SECONDS - MARGIN_SECONDS
        held = {one["_id"] async for one in self._leases.find({"$expr": {"$gt": ["$expires_at", "$$NOW"]}}, ["_id"])}
        free = [partition for partition in range(PARTITIONS) if partition not in held][:most]
        ours = {
            "owner": self.fence.owner,
            "epoch": {"$add": ["$epoch", 1]},
            "expires_at": {"$add": ["$$NOW", round(LEASE_SECONDS * 1000)]},
        }
        await self.fence.tidy()
        await self._end_what_is_left_open(free)
        over = {"$expr": {"$lte": ["$expires_at", "$$NOW"]}}
        # What another took a moment ago does not match any more.
        await self._leases.update_many({"_id": {"$in": free}, **over}, [{"$set": ours}])
        found = self._leases.find({"_id": {"$in": free}, "owner": self.fence.owner})
        epochs = {one["_id"]: one["epoch"] async for one in found}
        epochs = await self.fence.shut_out(epochs)
        if epochs:
            if not self.fence.epochs:
                self.fence.until = until
            self.fence.epochs |= epochs
            logger.info("partitions_taken", partitions=len(epochs), mine=len(self.fence.epochs))
        return sorted(epochs)

    async def _end_what_is_left_open(self, partitions: Sequence[int]) -> None:
        """Ends the transactions of those who owned these partitions and did not give them back."""
        theirs = self._leases.find({"_id": {"$in": partitions}, "owner": {"$nin": ["", self.fence.owner]}}, ["owner"])
        owners = {one["owner"] async for one in theirs}
        left = self._members.find({"_id": {"$in": list(owners)}}, ["sessions"])
        sessions = [identity async for one in left for identity in one.get("sessions", [])]
        if sessions:
            await end_sessions(self._members, sessions)
            logger.info("transactions_ended", owners=len(owners), sessions=len(sessions))

    async def _lost(self, partitions: list[int]) -> None:
        for partition in partitions:
            self.fence.epochs.pop(partition, None)
            self._lose(partition)

    async def _release(self, which: Mapping[str, Any]) -> None:
        freed = {"$set": {"owner": "", "expires_at": "$$NOW"}}
        await self._leases.update_many({**which, "owner": self.fence.owner}, [freed])

    async def _leave(self) -> None:
        mine, self.fence.epochs, self.fence.until = self.mine, {}, 0.0
        for partition in mine:
            self._lose(partition)
        with suppress(PyMongoError), pymongo.timeout(ANSWER_SECONDS):  # the leases end by themselves
            await self.fence.end()
            await self._release({})
            # At last: as long as a lease is ours, our sessions stand there.
            await self._members.delete_one({"_id": self.fence.owner})
