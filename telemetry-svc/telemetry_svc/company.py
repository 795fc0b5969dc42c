"""Who stores readings: a replica may only while all the others reckon with it."""

import asyncio
from contextlib import suppress
from uuid import uuid4

import pymongo
from pymongo.errors import PyMongoError

from servicekit.logs import logger
from telemetry_svc.store import Collection

# By MongoDB's clock; by our own we are gone before that.
STAY_SECONDS, MARGIN_SECONDS = 6.0, 1.0
TICK_SECONDS, SOON_SECONDS, ANSWER_SECONDS = 1.0, 0.2, 2.0
# Who went away without a word is expected back for that long: then nobody has to wait for anybody.
EXPECTED_MS = 30_000


class Company:
    """A replica says that it is there before it looks who else is; and that it goes by what it stores itself, before it
    looks whether it may. So of two replicas that come at the same time at least one sees the other."""

    def __init__(self, writers: Collection, *, patience_seconds: float) -> None:
        """`patience_seconds`: how long `joined` waits."""
        self._writers = writers
        self._patience = patience_seconds
        self._identity = uuid4().hex
        self._claims = False
        self._until = 0.0
        self._stay = self._solitude = self._times_alone = 0
        self._joined = asyncio.Event()

    @property
    def stay(self) -> int:
        """A number that is another one whenever the others may not have reckoned with us; 0: they do not now."""
        return self._stay if asyncio.get_running_loop().time() < self._until else 0

    @property
    def solitude(self) -> int:
        """A number that is another one whenever somebody else may have stored something; 0: somebody may now."""
        return self._solitude if asyncio.get_running_loop().time() < self._until else 0

    async def joined(self) -> int:
        """The stay, as soon as there is one. Raises TimeoutError."""
        try:
            async with asyncio.timeout(self._patience):
                while not (stay := self.stay):
                    self._joined.clear()
                    await self._joined.wait()
                return stay
        except TimeoutError:
            raise TimeoutError("the other replicas do not reckon with this one yet") from None

    async def run(self) -> None:
        """Stays until it is cancelled."""
        try:
            while True:
                try:
                    with pymongo.timeout(ANSWER_SECONDS):
                        await self._look()
                except PyMongoError as error:
                    logger.warning("writers_not_seen", error=str(error))
                await asyncio.sleep(TICK_SECONDS if self.stay else SOON_SECONDS)
        finally:
            self._until = 0.0
            with suppress(PyMongoError), pymongo.timeout(ANSWER_SECONDS):  # it ends by itself
                await self._writers.delete_one({"_id": self._identity})

    async def _look(self) -> None:
        """Says that we are there, and looks who else is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + STAY_SECONDS - MARGIN_SECONDS
        await self._say()
        stayed = loop.time() < self._until
        if not stayed:
            self._solitude = 0
        alive = {"$gt": ["$expires_at", "$$NOW"]}
        expected = {"$gt": ["$expires_at", {"$subtract": ["$$NOW", EXPECTED_MS]}]}
        found = await self._writers.aggregate([{"$match": {"$expr": expected}}, {"$set": {"alive": alive}}])
        others = [one async for one in found if one["_id"] != self._identity]
        if others:
            self._solitude = 0
            if self._claims:
                self._claims = False
                await self._say()
        elif not self._claims:
            self._claims = True
            await self._look()  # again: it is said before it is so
            return
        elif not self._solitude:
            self._times_alone += 1
            self._solitude = self._times_alone
        if not stayed:
            if any(one["alive"] and one["alone"] for one in others):
                return  # until it has heard of us, or is gone
            self._stay += 1
            logger.info("stores_readings", others=len(others))
        self._until = until
        self._joined.set()

    async def _say(self) -> None:
        end = {"$add": ["$$NOW", round(STAY_SECONDS * 1000)]}
        said = {"expires_at": end, "alone": self._claims}
        await self._writers.update_one({"_id": self._identity}, [{"$set": said}], upsert=True)
