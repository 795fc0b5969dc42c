"""The fence around a partition: nothing is written for it that is not its owner's."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from uuid import uuid4

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from telemetry_svc.store import Collection


class LeaseLost(Exception):
    """A partition is not ours any more, or cannot be counted on to be."""


class Fence:
    """What is known of our partitions, and the proof that a write is their owner's."""

    def __init__(self, fences: Collection, members: Collection) -> None:
        self._fences = fences
        self._members = members
        self._sessions: set[bytes] = set()
        self._interrupted: set[bytes] = set()
        self.owner = uuid4().hex
        # By partition: the epoch, which grows with every new owner.
        self.epochs: dict[int, int] = {}
        # The event loop's time until which all of them are ours.
        self.until = 0.0

    def holds(self, partition: int) -> bool:
        """Whether it is ours right now."""
        return partition in self.epochs and asyncio.get_running_loop().time() < self.until

    def assure(self) -> None:
        """Raises LeaseLost when nothing is ours for sure. For before a change: a task cannot always be interrupted."""
        if asyncio.get_running_loop().time() >= self.until:
            raise LeaseLost

    async def transaction(self, work: Callable[[AsyncClientSession], Awaitable[None]]) -> None:
        """Runs `work` in a transaction, again if need be.

        Its session is noted before: should we be killed or paused in the middle of it, MongoDB would keep what it wrote
        locked for a minute, and so the next owner ends it.
        """
        async with self._fences.database.client.start_session() as session:
            identity = session.session_id["id"]
            if identity not in self._sessions:
                await self._members.update_one({"_id": self.owner}, {"$addToSet": {"sessions": identity}})
                self._sessions.add(identity)
            try:
                await session.with_transaction(work)
            except BaseException:
                # If MongoDB was not there to be told that it is over, to MongoDB it is not.
                self._interrupted.add(identity)
                with suppress(PyMongoError):  # again before the next one is needed
                    await self.tidy()
                raise

    def note_anew(self) -> None:
        """Nothing stands in `members` of our sessions: we are new, or were away for so long that we were removed."""
        self._sessions.clear()

    async def tidy(self) -> None:
        """Ends transactions of ours that failed, should they be open still."""
        interrupted = set(self._interrupted)
        await end_sessions(self._members, interrupted)
        self._interrupted -= interrupted

    async def end(self) -> None:
        """Ends what is left of our transactions: one that was interrupted may not have been able to say so."""
        await end_sessions(self._members, self._sessions)

    async def check(self, partition: int, session: AsyncClientSession) -> int:
        """Makes a transaction fail if somebody else takes the partition before it is committed; gives the epoch.

        Raises LeaseLost.
        """
        self.assure()
        epoch = self.epochs.get(partition)
        # A write, not a look: it is what a new owner's own would collide with.
        which = {"_id": partition, "epoch": epoch}
        found = await self._fences.update_one(which, {"$inc": {"writes": 1}}, session=session)
        if epoch is None or not found.matched_count:
            raise LeaseLost
        return epoch

    async def shut_out(self, epochs: Mapping[int, int]) -> None:
        """Of partitions that have become ours, by epoch: what whoever had them before has not written by then, it
        cannot write any more."""
        writes = [
            pymongo.UpdateOne({"_id": partition, "epoch": {"$lt": epoch}}, {"$set": {"epoch": epoch}})
            for partition, epoch in epochs.items()
        ]
        if writes:
            await self._fences.bulk_write(writes, ordered=False)


async def end_sessions(members: Collection, sessions: Iterable[bytes]) -> None:
    """Ends what is open in them."""
    if ids := [{"id": identity} for identity in sessions]:
        await members.database.client.admin.command({"killSessions": ids})
