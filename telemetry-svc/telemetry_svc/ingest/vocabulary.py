"""The names of all metrics in the fleet: a bounded set."""

from collections.abc import Iterable

import pymongo

from telemetry_svc.store import Collection

MAX_METRICS = 1_000
PATIENCE_SECONDS = 3.0
THE_ONE = "metrics"


class Vocabulary:
    """Knows the names; each costs a column over the whole fleet, so they are not for anybody to make up at will."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._names: set[str] = set()

    async def load(self) -> None:
        """Reads the names that are known."""
        document = await self._collection.find_one({"_id": THE_ONE})
        self._names = set(document["names"]) if document else set()

    async def learn(self, names: Iterable[str]) -> bool:
        """Takes in new names; False when there would be too many, and then none is taken in."""
        new = [name for name in names if name not in self._names]
        if not new:
            return True
        with pymongo.timeout(PATIENCE_SECONDS):
            return await self._learn(new)

    async def _learn(self, new: list[str]) -> bool:
        if len(self._names) + len(new) > MAX_METRICS:
            await self.load()
            if len(self._names | set(new)) > MAX_METRICS:
                return False
        await self._collection.update_one({"_id": THE_ONE}, {"$addToSet": {"names": {"$each": new}}}, upsert=True)
        self._names.update(new)
        return True
