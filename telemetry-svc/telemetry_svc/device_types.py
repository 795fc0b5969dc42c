"""What inventory says of a type of devices, and matters here: how long they may be silent, and readings are kept."""

from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.store import Collection

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class DeviceType:
    """`silence_seconds`, `retention_days` 0: as for any device."""

    type: str
    silence_seconds: int
    version: int
    retention_days: int = 0


class DeviceTypes:
    """Keeps the newest version of each type: events may come twice, and late."""

    def __init__(self, types: Collection, fleet: Fleet) -> None:
        self._types = types
        self._fleet = fleet
        self._versions: dict[str, int] = {}

    async def store(self, one: DeviceType) -> None:
        """Stores a type unless something as new is stored."""
        fields = {
            "silence_seconds": one.silence_seconds,
            "retention_days": one.retention_days,
            "version": one.version,
        }
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
            retention_ms = one.retention_days * DAY_MS
            self._fleet.limit(one.type, silence_ms=one.silence_seconds * 1000, retention_ms=retention_ms)

    async def load(self) -> None:
        """Has the fleet know of all that are stored."""
        async with self._types.find({}) as found:
            async for document in found:
                days = document.get("retention_days", 0)
                self.remember(DeviceType(document["_id"], document["silence_seconds"], document["version"], days))
