"""The devices, as inventory's events tell of them: in the store, and in this process's memory."""

from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from telemetry_svc.clock import milliseconds
from telemetry_svc.columns.fleet import MAY_SEND, Fleet, Status
from telemetry_svc.store import Collection, Document


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

    async def store(self, device: Device) -> bool:
        """Stores a device unless something as new is stored; False then."""
        status = {"$literal": device.status.name.lower()}
        update = {
            "name": {"$literal": device.name},
            "type": {"$literal": device.type},
            "status": status,
            "version": device.version,
            "serial_number": {"$literal": device.serial_number},
            "location": {"$literal": device.location},
            # As they are searched: without regard to case.
            "name_key": {"$literal": device.name.casefold()},
            "serial_key": {"$literal": device.serial_number.casefold()},
            # Since when it has this status, however often its other facts change.
            "since": {"$cond": [{"$eq": ["$status", status]}, "$since", device.changed_at]},
        }
        if device.in_field:
            # The last time that it was known to be in the field, whatever came after.
            update["fielded_at"] = {"$max": ["$fielded_at", device.changed_at]}
        try:
            await self._devices.update_one(
                {"_id": device.id, "version": {"$lt": device.version}}, [{"$set": update}], upsert=True
            )
        except DuplicateKeyError:
            if device.in_field:
                await self._devices.update_one({"_id": device.id}, {"$max": {"fielded_at": device.changed_at}})
            return False
        return True

    def remember(self, device: Device) -> bool:
        """Places a device in the fleet, unless something as new is there; whether its status is another one now."""
        return self._fleet.place(
            device.id,
            device.status,
            device_type=device.type,
            version=device.version,
            since_ms=milliseconds(device.changed_at),
            location=device.location,
        )

    async def load(self) -> list[int]:
        """Places all stored devices in the fleet; the ids of those whose status is another one now."""
        async with self._devices.find({}) as found:
            return [document["_id"] async for document in found if self.remember(_device(document))]

    async def documents(self, device_ids: list[int]) -> dict[int, Document]:
        """What is stored of these devices."""
        return {document["_id"]: document async for document in self._devices.find({"_id": {"$in": device_ids}})}


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
