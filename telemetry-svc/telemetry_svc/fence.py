"""The fence around a partition: nothing is written for it that is not its owner's."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from uuid import uuid4

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ExecutionTimeout, NetworkTimeout, PyMongoError

from servicekit.logs import logger
from telemetry_svc.store import Collection, Document

# Fences are raised all at once; where that takes longer, a transaction holds one of them, and each is tried by itself,
# so many at a time. Those that are held are for another time.
RAISE_SECONDS, RAISED_AT_ONCE = 0.5, 8


class LeaseLost(Exception):
    """A partition is not ours any more, or cannot be counted on to be."""


class Fence:
    """What is known of our partitions, and the proof that a write is their owner's."""

    def __init__(self, fences: Collection, members: Collection) -> None:
        self._fences = fences
        self._members = members
        self._sessions: set[bytes] = set()
        self._interrupted: set[bytes] = set()
        # By session: the partitions that its transaction writes for, as long as MongoDB may have it open.
        self._open: dict[bytes, set[int]] = {}
        self.owner = uuid4().hex
        # By partition: the epoch, which grows with every new owner.
        self.epochs: dict[int, int] = {}
        # The event loop's time until which all of them are ours.
        self.until = 0.0

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
            self._open[identity] = set()
            try:
                await session.with_transaction(work)
            except BaseException:
                # If MongoDB was not there to be told that it is over, to MongoDB it is not.
                self._interrupted.add(identity)
                with suppress(PyMongoError):  # again before the next one is needed
                    await self.tidy()
                raise
            self._open.pop(identity, None)

    @property
    def written(self) -> set[int]:
        """The partitions that a transaction of ours may be writing for. Whoever is given one of them now could not
        begin before that has ended, nor end it itself, should we die."""
        return {partition for some in self._open.values() for partition in some}

    def note_anew(self) -> None:
        """Nothing stands in `members` of our sessions: we are new, or were away for so long that we were removed."""
        self._sessions.clear()

    async def tidy(self) -> None:
        """Ends transactions of ours that failed, should they be open still."""
        interrupted = set(self._interrupted)
        await end_sessions(self._members, interrupted)
        self._interrupted -= interrupted
        for identity in interrupted:
            self._open.pop(identity, None)

    async def end(self) -> None:
        """Ends what is left of our transactions: one that was interrupted may not have been able to say so."""
        await end_sessions(self._members, self._sessions)

    async def check(self, partition: int, session: AsyncClientSession) -> int:
        """Makes a transaction fail if somebody else takes the partition before it is committed; gives the epoch.

        Raises LeaseLost.
        """
        self.assure()
        epoch = self.epochs.get(partition)
        self._open.setdefault(session.session_id["id"], set()).add(partition)
        # A write, not a look: it is what a new owner's own would collide with.
        which = {"_id": partition, "epoch": epoch}
        found = await self._fences.update_one(which, {"$inc": {"writes": 1}}, session=session)
        if epoch is None or not found.matched_count:
            raise LeaseLost
        return epoch

    @contextmanager
    def unless_let_go(self, partition: int, epoch: int) -> Iterator[None]:
        """For a write as the owner of that epoch: passed over if the partition was let go of meanwhile."""
        try:
            yield
        except LeaseLost:
            if self.epochs.get(partition) == epoch:
                raise

    async def shut_out(self, epochs: Mapping[int, int]) -> dict[int, int]:
        """Of partitions that have become ours, by epoch: what was begun for them has ended when this returns, and who
        had them before writes nothing any more. Gives those of which that is so; the others are for another time.

        Raises PyMongoError when MongoDB does not answer.
        """
        # Writes in any case, which wait for what is open, be it of the same epoch. Above ours, it is a duplicate key.
        writes = {
            partition: {
                "q": {"_id": partition, "epoch": {"$lte": epoch}},
                "u": {"$set": {"epoch": epoch}, "$inc": {"raised": 1}},
                "upsert": True,
            }
            for partition, epoch in epochs.items()
        }
        if not writes or await self._raise(list(writes.values())) is None:
            return dict(epochs)
        errors: dict[int, str] = {}
        for start in range(0, len(writes), RAISED_AT_ONCE):
            some = list(writes)[start : start + RAISED_AT_ONCE]
            found = await asyncio.gather(*(self._raise([writes[partition]]) for partition in some))
            errors |= {partition: error for partition, error in zip(some, found, strict=True) if error}
        if errors:
            logger.warning("fences_not_raised", partitions=sorted(errors), error=next(iter(errors.values())))
        return {partition: epoch for partition, epoch in epochs.items() if partition not in errors}

    async def _raise(self, writes: Sequence[Document]) -> str | None:
        """What kept these from being raised, or some of them.

        It is MongoDB that gives up: what only we gave up would go on there, in a session that the driver gives to the
        next write, and that would wait with it. And not by the driver's timeout, which for seconds after a stall
        believes that an answer takes longer than this, and does not even ask.
        """
        command = {
            "update": self._fences.name,
            "updates": writes,
            "ordered": False,
            "writeConcern": self._fences.write_concern.document,
            "maxTimeMS": round(RAISE_SECONDS * 1000),
        }
        try:
            with pymongo.timeout(None):
                async with asyncio.timeout(2 * RAISE_SECONDS):
                    answer = await self._fences.database.command(command)
        except ExecutionTimeout as error:
            return str(error)
        except TimeoutError:
            raise NetworkTimeout("MongoDB says nothing of fences that are to be raised") from None
        failed = answer.get("writeErrors") or answer.get("writeConcernError")
        return failed and str(failed)


async def end_sessions(members: Collection, sessions: Iterable[bytes]) -> None:
    """Ends what is open in them."""
    if ids := [{"id": identity} for identity in sessions]:
        await members.database.client.admin.command({"killSessions": ids})
