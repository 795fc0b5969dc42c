"""What inventory says of a type of devices, and matters here: how long they may be silent."""

from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.store import Collection


@dataclass(frozen=True, slots=True)
class DeviceType:
    """`silence_seconds` 0: as long as any device."""

    type: str
    silence_seconds: int
    version: int


class DeviceTypes:
    """Keeps the newest version of each type: events may come twice, and late."""

    def __init__(self, types: Collection, fleet: Fleet) -> None:
        self._types = types
        self._fleet = fleet
        self._versions: dict[str, int] = {}

    async def store(self, one: DeviceType) -> None:
        """Stores a type unless something as new is stored."""
        fields = {"silence_seconds": one.silence_seconds, "version": one.version}
        try:
            await self._types.update_one(
                {"_id": one.type, "version": {"$lt": one.version}}, {"$set": fields}, upsert=True
            )
        except DuplicateKeyError:
            return  # as new, or newer

    def remember(self, one: DeviceType) -> None:
        """Has the fleet know of it, unless it knows something as new."""
        if one.version > self._versions.get(one.type, 0):
            self._versions[one.type] = one.version
            self._fleet.limit_silence(one.type, one.silence_seconds * 1000)

    async def load(self) -> None:
        """Has the fleet know of all that are stored."""
        async with self._types.find({}) as found:
            async for document in found:
                self.remember(DeviceType(document["_id"], document["silence_seconds"], document["version"]))
