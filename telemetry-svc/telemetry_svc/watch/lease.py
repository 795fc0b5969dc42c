"""Who watches the fleet: one process at a time, as long as it says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pymongo
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from servicekit.logs import logger
from telemetry_svc.store import Collection
from telemetry_svc.tasks import end

LEASE_SECONDS = 6.0
# Three tries fit into a lease.
RENEW_SECONDS = 2.0
# Given up that long before MongoDB would give it to another: a write on its way must not come after the other's.
MARGIN_SECONDS = 1.0


class LeaseLost(Exception):
    """The lease could not be renewed; by now another process may hold it."""


class Lease:
    """A document with an owner, an epoch that grows with every new owner, and an end by MongoDB's own clock."""

    def __init__(self, collection: Collection, name: str) -> None:
        self._collection = collection
        self._name = name
        self._owner = uuid4().hex
        # The event loop's time until which it is held.
        self._until = 0.0

    def check(self) -> None:
        """Raises LeaseLost. For before a change: a block cannot always be interrupted at once."""
        if asyncio.get_running_loop().time() >= self._until:
            raise LeaseLost

    @asynccontextmanager
    async def held(self) -> AsyncIterator[int]:
        """Waits for the lease and holds it while the block runs; gives its epoch.

        The block is interrupted, and this raises LeaseLost, as soon as the lease can no longer be counted on.
        """
        epoch = await self._wait()
        limit = asyncio.timeout_at(self._until)
        try:
            async with limit:
                renewing = asyncio.create_task(self._renew_forever(limit))
                try:
                    yield epoch
                finally:
                    self._until = 0.0
                    await end(renewing)
                    await self._release()
        except TimeoutError:
            if limit.expired():
                raise LeaseLost from None
            raise

    async def _wait(self) -> int:
        while True:
            try:
                taken = await self._take()
            except PyMongoError as error:
                logger.warning("lease_not_taken", lease=self._name, error=str(error))
            else:
                if taken:
                    return taken
            await asyncio.sleep(RENEW_SECONDS / 2)

    async def _renew_forever(self, limit: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                taken = await self._take()
            except PyMongoError as error:
                logger.warning("lease_not_renewed", lease=self._name, error=str(error))
                continue
            if taken is None:
                self._until = 0.0
            limit.reschedule(self._until)

    async def _take(self) -> int | None:
        """Takes or renews it; gives its epoch, or None: another has it."""
        until = asyncio.get_running_loop().time() + LEASE_SECONDS - MARGIN_SECONDS
        ours = {"$eq": ["$owner", self._owner]}
        # What is not there yet is less than any time.
        free = {"$or": [ours, {"$lt": ["$expires_at", "$$NOW"]}]}
        taken = {
            "epoch": {"$cond": [ours, "$epoch", {"$add": [{"$ifNull": ["$epoch", 0]}, 1]}]},
            "expires_at": {"$add": ["$$NOW", round(LEASE_SECONDS * 1000)]},
            "owner": self._owner,
        }
        try:
            with pymongo.timeout(RENEW_SECONDS):
                document = await self._collection.find_one_and_update(
                    {"_id": self._name},
                    [{"$set": {field: {"$cond": [free, value, f"${field}"]} for field, value in taken.items()}}],
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
        except DuplicateKeyError:
            return None  # somebody else made it at the same moment
        assert document is not None  # an upsert finds or makes one
        if document["owner"] != self._owner:
            return None
        self._until = until
        return document["epoch"]

    async def _release(self) -> None:
        with suppress(PyMongoError), pymongo.timeout(RENEW_SECONDS):  # it ends by itself
            await self._collection.update_one(
                {"_id": self._name, "owner": self._owner}, [{"$set": {"expires_at": "$$NOW", "owner": ""}}]
            )
