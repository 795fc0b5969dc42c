"""Devices that are where they should not be: not in the field, and asking for a token with the right secret."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5

from pymongo.errors import DuplicateKeyError

from telemetry_svc.clock import Clock, moment
from telemetry_svc.store import Collection
from telemetry_svc.watch.alerts import ALERTS, HOLDS, OPENED, Alerts, Because
from telemetry_svc.watch.blank import Blank
from telemetry_svc.watch.rules import DRIFT, Severity
from telemetry_svc.watch.telling import first

# Without another refusal for that long it is believed to be switched off.
QUIET = timedelta(hours=24)
# A refusal may be explained by what is still on its way: auth heard of a deployment a moment later than the device.
GRACE = timedelta(seconds=2)
FIELD = ["deployed", "maintenance"]


class Drift:
    """One open alert for each such device. No rule makes it: its rule is called `drift`, and is not in the book."""

    def __init__(self, collection: Collection, devices: Collection, alerts: Alerts, clock: Clock) -> None:
        self._collection = collection
        self._devices = devices
        self._alerts = alerts
        self._clock = clock

    async def refused(self, device_id: int, status: str, refused_at: datetime) -> None:
        """A device showed its secret while its status forbade it a token. Events come twice, and late: what lies before
        its last time in the field, or is too long ago, says nothing any more."""
        device = await self._devices.find_one({"_id": device_id}) or {}
        fielded_at = device.get("fielded_at")
        if (fielded_at and refused_at <= fielded_at) or refused_at <= self._quiet():
            return None
        if device.get("status") in FIELD:
            # Auth may not have heard of the deployment yet; or we have not, of what came after it.
            return await self._wait(device_id, status, refused_at)
        known = {"rule_id": DRIFT, "device_id": device_id, **HOLDS}
        again = await self._collection.update_one(known, {"$max": {"refused_at": refused_at}})
        if again.matched_count:
            return None
        if device and refused_at > moment(self._clock()) - GRACE:
            return await self._wait(device_id, status, refused_at)
        document = {
            **Blank(
                identity=uuid5(ALERTS, f"{DRIFT}/{device_id}/{refused_at.isoformat()}/{fielded_at}").hex,
                opened_at=refused_at,
                updated_at=moment(self._clock()),
            ).document(),
            "device_id": device_id,
            "device_name": device.get("name", ""),
            "device_version": device.get("version", 0),
            "rule_id": DRIFT,
            "rule_version": 0,
            "kind": DRIFT,
            "metric": "",
            "severity": Severity.WARNING.value,
            "message": f"asked for a token while {status.replace('_', ' ')}",
            "value": 0.0,
            "device_status": status,
            "refused_at": refused_at,
        }
        try:
            await self._collection.insert_one(first(OPENED, document))
        except DuplicateKeyError:
            return None  # this refusal's alert has been there, and is over
        return self._alerts.tell()

    async def refused_ones(self, device_ids: Sequence[int]) -> set[int]:
        """Those of some devices that were refused while they were in the field, for all that was known then."""
        which = {"_id": {"$in": device_ids}, "refused_at": {"$exists": True}}
        return {one["_id"] async for one in self._devices.find(which, ["_id"])}

    async def out_of_field(self, device_id: int, since: datetime) -> None:
        """A device left the field then, or was out of it: what it was refused later may have been heard of before."""
        which = {"_id": device_id, "refused_at": {"$gte": since}}
        device = await self._devices.find_one(which, ["refused_at", "refused_status"])
        if device:
            await self.refused(device_id, device["refused_status"], device["refused_at"])

    async def in_field(self, device_id: int, at: datetime, *, newest: bool) -> None:
        """A device was in the field at that time; `newest`: and nothing later is known of it. What it was refused until
        then is explained; what it was refused later waits for what comes after."""
        which: dict[str, Any] = {"rule_id": DRIFT, "device_id": device_id}
        if not newest:
            which["refused_at"] = {"$lte": at}
        elif held := await self._collection.find_one({**which, **HOLDS, "refused_at": {"$gt": at}}):
            await self._wait(device_id, held["device_status"], held["refused_at"])
        await self._alerts.end(which, Because.CLEARED)

    async def _wait(self, device_id: int, status: str, refused_at: datetime) -> None:
        waiting = {"$max": {"refused_at": refused_at}, "$set": {"refused_status": status}}
        await self._devices.update_one({"_id": device_id}, waiting)

    async def sweep(self) -> None:
        """Opens the alerts of refusals that nothing has explained within the grace, and resolves those of devices that
        have been quiet for long enough."""
        waited = {"refused_at": {"$lte": moment(self._clock()) - GRACE}}
        fields = ["status", "since", "fielded_at", "refused_at", "refused_status"]
        async for device in self._devices.find(waited, fields):
            refused_at, fielded_at = device["refused_at"], device.get("fielded_at")
            in_field = device["status"] in FIELD
            if in_field and fielded_at and refused_at > max(fielded_at, self._quiet()):
                continue  # until it is known what came after
            # One that has been in the field since was refused then for what auth did not know yet.
            if not in_field and (fielded_at is None or refused_at >= device["since"]):
                await self.refused(device["_id"], device["refused_status"], refused_at)
            done = {"$unset": {"refused_at": True, "refused_status": True}}
            await self._devices.update_one({"_id": device["_id"], "refused_at": refused_at}, done)
        await self._alerts.end({"rule_id": DRIFT, "refused_at": {"$lte": self._quiet()}}, Because.CLEARED)

    def _quiet(self) -> datetime:
        return moment(self._clock()) - QUIET
