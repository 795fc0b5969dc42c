"""The names of all metrics in the fleet: a bounded set."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pymongo

from telemetry_svc.columns.frame import Frame
from telemetry_svc.store import Collection

MAX_METRICS = 1_000
# A device that makes up names, by a defect or on purpose, must not use up those of the fleet. Far more than any kind of
# device has; the others of its kind bring none that are new.
MAX_OF_DEVICE = 128
PATIENCE_SECONDS = 3.0
# What others learned is looked up that often at most: who makes up names must not cost everybody a question for each.
FRESH_SECONDS = 1.0
THE_ONE = "metrics"


class Vocabulary:
    """Knows the names; each costs a column over the whole fleet, so they are not for anybody to make up at will."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._names: set[str] = set()
        # How many each device brought.
        self._brought: Counter[int] = Counter()
        # By the event loop's time.
        self._loaded_at = 0.0

    async def load(self) -> None:
        """Reads the names that are known."""
        self._loaded_at = asyncio.get_running_loop().time()
        document = await self._collection.find_one({"_id": THE_ONE}) or {}
        self._names = set(document.get("names", ()))
        self._brought = Counter({int(device): names for device, names in document.get("brought", {}).items()})

    async def learn(self, frame: Frame) -> str | None:
        """Takes in the new names of a frame, for one of its devices; why not, if that would be too many, and then none
        is taken in."""
        new = [name for name in frame.values if name not in self._names]
        if not new:
            return None
        with pymongo.timeout(PATIENCE_SECONDS):
            return await self._learn(new, np.unique(frame.device).tolist())

    async def _learn(self, new: Sequence[str], devices: Sequence[int]) -> str | None:
        if asyncio.get_running_loop().time() >= self._loaded_at + FRESH_SECONDS:
            await self.load()  # another replica may have learned them, for another device
            new = [name for name in new if name not in self._names]
        if not new:
            return None
        if len(self._names) + len(new) > MAX_METRICS:
            return f"There are {MAX_METRICS} metrics already"
        device = next((one for one in devices if self._brought[one] + len(new) <= MAX_OF_DEVICE), None)
        if device is None:
            return f"Device {devices[0]} brought {self._brought[devices[0]]} new metrics before, of {MAX_OF_DEVICE}"
        change = {"$addToSet": {"names": {"$each": new}}, "$inc": {f"brought.{device}": len(new)}}
        await self._collection.update_one({"_id": THE_ONE}, change, upsert=True)
        self._names.update(new)
        self._brought[device] += len(new)
        return None
