"""The alerts: opened and resolved in MongoDB, one open alert for each rule and device."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray
from pymongo import DESCENDING, ReturnDocument, UpdateMany, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError

from servicekit.errors import StaleVersion
from servicekit.logs import logger
from telemetry_svc.clock import Clock, milliseconds, moment
from telemetry_svc.columns.fleet import Status
from telemetry_svc.columns.frame import Ids, Ints, partition_of
from telemetry_svc.errors import AlertNotFound, AlertResolved
from telemetry_svc.fence import Fence
from telemetry_svc.observability import ALERTS_OPENED
from telemetry_svc.store import READ_AT_ONCE, Collection, Document
from telemetry_svc.watch.blank import Blank
from telemetry_svc.watch.judge import Change, Opening
from telemetry_svc.watch.rules import DRIFT, RANKS
from telemetry_svc.watch.telling import changed, first

ALERTS = UUID("7d0c4a3e-54fb-4c8e-9d3a-6a1f3a5cf0b2")
DUPLICATE_KEY = 11000
AT_ONCE = 500  # changes of one transaction
# Whose condition holds: without an end, or with one made by hand.
HOLDS = {"$or": [{"resolved_at": None}, {"muted": True}]}
OPENED, UPDATED, RESOLVED = "telemetry.alert.opened", "telemetry.alert.updated", "telemetry.alert.resolved"
ACKNOWLEDGED = "telemetry.alert.acknowledged"


class Because(StrEnum):
    """Why an alert was resolved."""

    CLEARED = "condition_cleared"
    BY_HAND = "by_hand"
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


def alert_id(rule_id: str, rule_version: int, device_id: int, opened_ms: int) -> str:
    """The same excursion gives the same id: a replay finds the alert that it opened before, and opens no second one."""
    return uuid5(ALERTS, f"{rule_id}/{rule_version}/{device_id}/{opened_ms}").hex


class Alerts:
    """Every change writes the alert and its event in one document at once."""

    def __init__(self, alerts: Collection, devices: Collection, clock: Clock) -> None:
        self._alerts = alerts
        self._devices = devices
        self._clock = clock
        # Told of every change that was made here by somebody, so that it is told on.
        self.tell: Callable[[], None] = lambda: None

    async def apply(self, changes: Sequence[Change], fence: Fence) -> None:
        """Opens and resolves, in this order, if their devices are ours. Doing it again changes nothing.

        Raises LeaseLost.
        """
        # Those of a partition together: each transaction writes to few fences.
        changes = sorted(changes, key=lambda change: partition_of(change.device_id))
        for start in range(0, len(changes), AT_ONCE):
            some = changes[start : start + AT_ONCE]
            names = await self._names({change.device_id for change in some if isinstance(change, Opening)})
            writes = [write for change in some for write in self._writes(change, names)]
            partitions = sorted({partition_of(change.device_id) for change in some})
            while writes:
                try:
                    await self._write(writes, partitions, fence)
                    break
                except BulkWriteError as error:
                    problem = error.details["writeErrors"][0] if error.details["writeErrors"] else None
                    if problem is None or problem["code"] != DUPLICATE_KEY:
                        raise
                    # This rule has an alert of this device open already, since another moment: that one stays.
                    logger.warning("alert_is_open", key=problem.get("keyValue"))
                    del writes[problem["index"]]

    async def _write(self, writes: Sequence[UpdateOne | UpdateMany], partitions: Sequence[int], fence: Fence) -> None:
        async def write(session: AsyncClientSession) -> None:
            for partition in partitions:
                await fence.check(partition, session)
            await self._alerts.bulk_write(list(writes), ordered=True, session=session)

        await fence.transaction(write)

    def _writes(self, change: Change, names: Mapping[int, str]) -> list[UpdateOne | UpdateMany]:
        if isinstance(change, Opening):
            ALERTS_OPENED.labels(change.rule.severity).inc()
            document = self._document(change, names.get(change.device_id, ""))
            return [UpdateOne({"_id": document["_id"]}, {"$setOnInsert": first(OPENED, document)}, upsert=True)]
        # Whichever is open: should memory have another beginning than the alert, it is over all the same.
        cleared_at = moment(change.cleared_ms)
        which = {"rule_id": change.rule.id, "device_id": change.device_id, "opened_at": {"$lte": cleared_at}}
        return [
            UpdateOne({**which, "resolved_at": None}, self._resolve(cleared_at, Because.CLEARED)),
            UpdateMany({**which, "muted": True}, {"$set": {"muted": False}}),
        ]

    def _document(self, opening: Opening, device_name: str) -> Document:
        rule = opening.rule
        identity = alert_id(rule.id, rule.version, opening.device_id, opening.opened_ms)
        return {
            **Blank(identity, moment(opening.opened_ms), moment(self._clock())).document(),
            "device_id": opening.device_id,
            "device_name": device_name,
            "device_version": opening.device_version,
            "rule_id": rule.id,
            "rule_version": rule.version,
            "kind": rule.kind.value,
            "metric": rule.metric,
            "severity": rule.severity.value,
            "message": opening.message,
            "value": opening.value,
        }

    async def acknowledge(self, identity: str, by: str, note: str, version: int) -> Document:
        """Somebody has seen it; a second time changes nothing. `version` 0 takes any.

        Raises AlertNotFound, AlertResolved, StaleVersion.
        """
        now = moment(self._clock())
        fields = {
            "acknowledged_at": now,
            "acknowledged_by": {"$literal": by},
            "acknowledged_note": {"$literal": note},
        }
        which = {"_id": identity, "acknowledged_at": None}
        done = await self._by_hand(which, version, changed(ACKNOWLEDGED, fields, now))
        if done:
            return done
        alert = await self._unresolved(identity)
        if alert["acknowledged_at"] is None:
            raise StaleVersion(current=alert["version"], version=version)
        return alert

    async def resolve(self, identity: str, by: str, note: str, version: int) -> Document:
        """Ends it, and mutes its rule for its device until the condition does not hold any more. `version` 0 takes any.

        Raises AlertNotFound, AlertResolved, StaleVersion.
        """
        now = moment(self._clock())
        # What the rules remember stays as it is: to them the alert is open, until it clears.
        fields = {"resolved_by": {"$literal": by}, "resolved_note": {"$literal": note}, "muted": True}
        done = await self._by_hand({"_id": identity}, version, self._resolve(now, Because.BY_HAND, fields))
        if done:
            return done
        raise StaleVersion(current=(await self._unresolved(identity))["version"], version=version)

    async def _by_hand(self, which: Mapping[str, Any], version: int, update: list[dict[str, Any]]) -> Document | None:
        done = await self._alerts.find_one_and_update(
            {**which, "resolved_at": None, **({"version": version} if version else {})},
            update,
            {"events": False},
            return_document=ReturnDocument.AFTER,
        )
        if done:
            self.tell()
        return done

    async def _unresolved(self, identity: str) -> Document:
        alert = await self._alerts.find_one({"_id": identity}, {"events": False})
        if alert is None:
            raise AlertNotFound(id=identity)
        if alert["resolved_at"] is not None:
            raise AlertResolved(id=identity, resolved_at=alert["resolved_at"].isoformat(timespec="seconds"))
        return alert

    async def devices_with_any(self, device_ids: Sequence[int]) -> set[int]:
        """Those of some devices that have an alert whose condition holds."""
        theirs = {"device_id": {"$in": device_ids}}
        which = {"$or": [{**theirs, "resolved_at": None}, {**theirs, "muted": True}]}
        return {one["device_id"] async for one in self._alerts.find(which, ["device_id"])}

    async def end_device(self, device_id: int, status: Status, version: int) -> bool:
        """Resolves a device's alerts when it came to a status that has none; those of its later deployments stay."""
        because = ENDED_BY.get(status)
        if because is None:
            return False
        which = {"device_id": device_id, "device_version": {"$lt": version}, "kind": {"$ne": DRIFT}}
        return await self.end(which, because)

    async def end_rule(self, rule_id: str, *, through_version: int, because: Because) -> bool:
        """Resolves the alerts of a rule, up to this version of it."""
        return await self.end({"rule_id": rule_id, "rule_version": {"$lte": through_version}}, because)

    async def end(self, which: Mapping[str, Any], because: Because) -> bool:
        """Resolves those that fit, and ends what was muted of them; whether there was any."""
        # Mostly there is none: to know that takes one question, and not two writes.
        if not await self._alerts.find_one({**which, **HOLDS}, ["_id"]):
            return False
        update = self._resolve(moment(self._clock()), because)
        unmuted = await self._alerts.update_many({**which, "muted": True}, {"$set": {"muted": False}})
        ended = await self._alerts.update_many({**which, "resolved_at": None}, update)
        if ended.modified_count:
            self.tell()
        return bool(unmuted.modified_count or ended.modified_count)

    async def open_ones(self, which: Mapping[str, Any]) -> AsyncIterator[OpenAlert]:
        """The alerts of rules whose condition holds, of those that fit."""
        fields = ["rule_id", "rule_version", "device_id", "opened_at"]
        wanted = {**which, **HOLDS, "kind": {"$ne": DRIFT}}
        async with self._alerts.find(wanted, fields, batch_size=READ_AT_ONCE) as found:
            async for document in found:
                yield OpenAlert(
                    document["_id"],
                    document["rule_id"],
                    document["rule_version"],
                    document["device_id"],
                    milliseconds(document["opened_at"]),
                )

    async def over_by_itself(self, alerts: Sequence[OpenAlert]) -> list[OpenAlert]:
        """Those of some that were open once whose condition is over, and that nothing else ended."""
        over = {"resolved_because": {"$in": [Because.CLEARED, Because.BY_HAND]}, "muted": {"$ne": True}}
        found = self._alerts.find({"_id": {"$in": [alert.id for alert in alerts]}, **over}, ["_id"])
        ids = {document["_id"] async for document in found}
        return [alert for alert in alerts if alert.id in ids]

    async def open_by_severity(self, which: Mapping[str, Any]) -> tuple[Ids, NDArray[np.int8], Ints]:
        """Device, rank of the severity (an index into SEVERITIES) and number of the open alerts that fit, as columns
        with a row for each device and severity."""
        counted = await self._alerts.aggregate(
            [
                {"$match": {**which, "resolved_at": None}},
                {"$group": {"_id": {"d": "$device_id", "s": "$severity"}, "alerts": {"$sum": 1}}},
            ]
        )
        rows = [(one["_id"]["d"], RANKS[one["_id"]["s"]], one["alerts"]) async for one in counted]
        table = np.array(rows, np.int64).reshape(len(rows), 3)
        return table[:, 0].astype(np.int32), table[:, 1].astype(np.int8), table[:, 2]

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

    def _resolve(self, when: datetime, because: Because, more: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        # A device's clock may be ahead of ours: nothing ends before it began.
        fields = {"resolved_at": {"$max": ["$opened_at", when]}, "resolved_because": because.value, **(more or {})}
        return changed(RESOLVED, fields, moment(self._clock()))
