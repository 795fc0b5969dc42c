"""The devices, as inventory's events tell of them: in the store, and in this process's memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from telemetry_svc.clock import milliseconds
from telemetry_svc.columns.fleet import MAY_SEND, Fleet, Status
from telemetry_svc.store import READ_AT_ONCE, Collection, Document

# What was stored at one moment may be seen a little after what was stored at the next.
OVERLAP = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Device:
    """What matters here of inventory's device. `changed_at`: when it came to what it is."""

    id: int
    name: str
    type: str
    status: Status
    version: int
    changed_at: datetime
    serial_number: str = ""
    location: str = ""

    @property
    def in_field(self) -> bool:
        """Whether it may ask for a token, and send."""
        return bool(MAY_SEND[self.status])


class Registry:
    """Keeps the newest version of each device: events may come twice, and late."""

    def __init__(self, devices: Collection, fleet: Fleet) -> None:
        self._devices = devices
        self._fleet = fleet
        self._newest = datetime.fromtimestamp(0, UTC)

    async def store(self, devices: Sequence[Device]) -> None:
        """Stores devices, at least one, in order, each unless something as new is stored."""
        writes = [UpdateOne({"_id": device.id}, [{"$replaceWith": _newest(device)}], upsert=True) for device in devices]
        await self._devices.bulk_write(writes)

    async def is_newest(self, device: Device) -> bool:
        """Whether nothing later is known of a device that is stored."""
        return not await self._devices.find_one({"_id": device.id, "version": {"$gt": device.version}}, ["_id"])

    def remember(self, device: Device, *, stored: bool = False) -> bool:
        """Places a device in the fleet, unless something as new is there; whether its status is another one now. Of one
        that is `stored` it is known since when it has its status: it may be the same one again."""
        return self._fleet.place(
            device.id,
            device.status,
            device_type=device.type,
            version=device.version,
            since_ms=milliseconds(device.changed_at),
            location=device.location,
            anew=stored,
        )

    async def load(self) -> list[int]:
        """Places all stored devices in the fleet; the ids of those whose status is another one now."""
        return await self._load({})

    async def load_newest(self) -> list[int]:
        """As `load`, of what was stored since the last time."""
        return await self._load({"stored_at": {"$gt": self._newest - OVERLAP}})

    async def _load(self, which: Mapping[str, Any]) -> list[int]:
        changed: list[int] = []
        async with self._devices.find(which, batch_size=READ_AT_ONCE) as found:
            async for document in found:
                self._newest = max(self._newest, document.get("stored_at", self._newest))
                if self.remember(_device(document), stored=True):
                    changed.append(document["_id"])
        return changed

    async def documents(self, device_ids: list[int]) -> dict[int, Document]:
        """What is stored of these devices."""
        return {document["_id"]: document async for document in self._devices.find({"_id": {"$in": device_ids}})}


def _newest(device: Device) -> Document:
    """What becomes of a stored device, or of none, as an expression of MongoDB's."""
    status = {"$literal": device.status.name.lower()}
    told = {
        "name": {"$literal": device.name},
        "type": {"$literal": device.type},
        "status": status,
        "version": device.version,
        "serial_number": {"$literal": device.serial_number},
        "location": {"$literal": device.location},
        # As they are searched: without regard to case.
        "name_key": {"$literal": device.name.casefold()},
        "serial_key": {"$literal": device.serial_number.casefold()},
        "stored_at": "$$NOW",
        # Since when it has this status, however often its other facts change.
        "since": {"$cond": [{"$eq": ["$status", status]}, "$since", device.changed_at]},
    }
    is_news = {"$lt": [{"$ifNull": ["$version", 0]}, device.version]}
    # The last time that it was known to be in the field, whatever came after.
    fielded = {"fielded_at": {"$max": ["$fielded_at", device.changed_at]}} if device.in_field else {}
    return {"$mergeObjects": ["$$ROOT", {"$cond": [is_news, told, {}]}, fielded]}


def _device(document: Document) -> Device:
    return Device(
        document["_id"],
        document["name"],
        document["type"],
        Status[document["status"].upper()],
        document["version"],
        document["since"],
        document.get("serial_number", ""),
        document.get("location", ""),
    )
