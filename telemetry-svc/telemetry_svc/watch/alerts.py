"""The alerts: opened and resolved in MongoDB, one open alert for each rule and device."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from pymongo import DESCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from servicekit.logs import logger
from telemetry_svc.clock import Clock, milliseconds, moment
from telemetry_svc.columns.fleet import Status
from telemetry_svc.observability import ALERTS_OPENED
from telemetry_svc.store import Collection, Document
from telemetry_svc.watch.judge import Change, Opening
from telemetry_svc.watch.rules import Rule
from telemetry_svc.watch.telling import changed, first

ALERTS = UUID("7d0c4a3e-54fb-4c8e-9d3a-6a1f3a5cf0b2")
DUPLICATE_KEY = 11000
OPENED, UPDATED, RESOLVED = "telemetry.alert.opened", "telemetry.alert.updated", "telemetry.alert.resolved"


class Because(StrEnum):
    """Why an alert was resolved."""

    CLEARED = "condition_cleared"
    RECALLED = "device_recalled"
    MAINTENANCE = "device_in_maintenance"
    RETIRED = "device_retired"
    RULE_CHANGED = "rule_changed"
    RULE_DELETED = "rule_deleted"


# What ends the alerts of a device that came to a status; a deployed one keeps them.
ENDED_BY = {
    Status.IN_STOCK: Because.RECALLED,
    Status.RESERVED: Because.RECALLED,
    Status.MAINTENANCE: Because.MAINTENANCE,
    Status.RETIRED: Because.RETIRED,
}


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert without an end, as far as the rules care."""

    id: str
    rule_id: str
    rule_version: int
    device_id: int
    opened_ms: int


def alert_id(rule: Rule, device_id: int, opened_ms: int) -> str:
    """The same excursion gives the same id: a replay finds the alert that it opened before, and opens no second one."""
    return uuid5(ALERTS, f"{rule.id}/{rule.version}/{device_id}/{opened_ms}").hex


class Alerts:
    """Every change writes the alert and its event in one document at once."""

    def __init__(self, alerts: Collection, devices: Collection, clock: Clock) -> None:
        self._alerts = alerts
        self._devices = devices
        self._clock = clock

    async def apply(self, changes: Sequence[Change]) -> None:
        """Opens and resolves, in this order. Doing it again changes nothing."""
        names = await self._names({change.device_id for change in changes if isinstance(change, Opening)})
        writes = [self._write(change, names) for change in changes]
        while writes:
            try:
                await self._alerts.bulk_write(writes, ordered=True)
                writes.clear()
            except BulkWriteError as error:
                problem = error.details["writeErrors"][0] if error.details["writeErrors"] else None
                if problem is None or problem["code"] != DUPLICATE_KEY:
                    raise
                # This rule has an alert of this device open already, since another moment: that one stays.
                logger.warning("alert_is_open", key=problem.get("keyValue"))
                del writes[: problem["index"] + 1]

    def _write(self, change: Change, names: Mapping[int, str]) -> UpdateOne:
        if isinstance(change, Opening):
            ALERTS_OPENED.labels(change.rule.severity).inc()
            document = self._document(change, names.get(change.device_id, ""))
            return UpdateOne({"_id": document["_id"]}, {"$setOnInsert": first(OPENED, document)}, upsert=True)
        # Whichever is open: should memory have another beginning than the alert, it is over all the same.
        cleared_at = moment(change.cleared_ms)
        which = {"rule_id": change.rule.id, "device_id": change.device_id, "opened_at": {"$lte": cleared_at}}
        return UpdateOne({**which, "resolved_at": None}, self._resolve(cleared_at, Because.CLEARED))

    def _document(self, opening: Opening, device_name: str) -> Document:
        rule = opening.rule
        return {
            "_id": alert_id(rule, opening.device_id, opening.opened_ms),
            "device_id": opening.device_id,
            "device_name": device_name,
            "device_version": opening.device_version,
            "rule_id": rule.id,
            "rule_version": rule.version,
            "kind": rule.kind.value,
            "metric": rule.threshold.metric if rule.threshold else "",
            "severity": rule.severity.value,
            "message": opening.message,
            "value": opening.value,
            "acknowledged_at": None,
            "acknowledged_by": "",
            "opened_at": moment(opening.opened_ms),
            "resolved_at": None,
            "resolved_because": "",
            "version": 1,
            "updated_at": moment(self._clock()),
        }

    async def end_device(self, device_id: int, status: Status, version: int) -> bool:
        """Resolves a device's alerts when it came to a status that has none; those of its later deployments stay."""
        because = ENDED_BY.get(status)
        if because is None:
            return False
        return await self._end({"device_id": device_id, "device_version": {"$lt": version}}, because)

    async def end_rule(self, rule_id: str, *, through_version: int, because: Because) -> bool:
        """Resolves the alerts of a rule, up to this version of it."""
        return await self._end({"rule_id": rule_id, "rule_version": {"$lte": through_version}}, because)

    async def _end(self, which: Mapping[str, Any], because: Because) -> bool:
        update = self._resolve(moment(self._clock()), because)
        return bool((await self._alerts.update_many({**which, "resolved_at": None}, update)).modified_count)

    async def open_ones(self, which: Mapping[str, Any]) -> AsyncIterator[OpenAlert]:
        """The alerts without an end, of those that fit."""
        fields = ["rule_id", "rule_version", "device_id", "opened_at"]
        async with self._alerts.find({**which, "resolved_at": None}, fields) as found:
            async for document in found:
                yield OpenAlert(
                    document["_id"],
                    document["rule_id"],
                    document["rule_version"],
                    document["device_id"],
                    milliseconds(document["opened_at"]),
                )

    async def count_open(self, device_ids: Sequence[int]) -> Mapping[int, int]:
        """How many alerts each of these devices has open; without those that have none."""
        counted = await self._alerts.aggregate(
            [
                {"$match": {"device_id": {"$in": list(device_ids)}, "resolved_at": None}},
                {"$group": {"_id": "$device_id", "alerts": {"$sum": 1}}},
            ]
        )
        return {group["_id"]: group["alerts"] async for group in counted}

    async def page(
        self, which: Mapping[str, Any], size: int, after: tuple[datetime, str] | None
    ) -> tuple[list[Document], bool]:
        """Alerts that fit, newest first, after the one that opened then and has this id; and whether there are more."""
        conditions: list[Mapping[str, Any]] = [which]
        if after:
            opened_at, identity = after
            older = {"opened_at": {"$lt": opened_at}}
            conditions.append({"$or": [older, {"opened_at": opened_at, "_id": {"$lt": identity}}]})
        found = self._alerts.find(
            {"$and": conditions},
            {"events": False},
            sort=[("opened_at", DESCENDING), ("_id", DESCENDING)],
            limit=size + 1,
        )
        alerts = await found.to_list()
        return alerts[:size], len(alerts) > size

    async def _names(self, device_ids: set[int]) -> Mapping[int, str]:
        if not device_ids:
            return {}
        found = self._devices.find({"_id": {"$in": list(device_ids)}}, ["name"])
        return {document["_id"]: document["name"] async for document in found}

    def _resolve(self, when: datetime, because: Because) -> list[dict[str, Any]]:
        # A device's clock may be ahead of ours: nothing ends before it began.
        fields = {"resolved_at": {"$max": ["$opened_at", when]}, "resolved_because": because.value}
        return changed(RESOLVED, fields, moment(self._clock()))
