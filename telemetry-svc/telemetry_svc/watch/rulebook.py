"""The rules as documents."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from pymongo import ReturnDocument

from servicekit.errors import StaleVersion
from telemetry_svc.clock import Clock, milliseconds, moment
from telemetry_svc.errors import RuleNotFound
from telemetry_svc.store import Collection, Document
from telemetry_svc.watch.rules import Abnormal, Direction, Kind, Rule, Severity, Threshold
from telemetry_svc.watch.telling import changed, first

CHANGED = "telemetry.rule.changed"
FIRST_RULES = "first_rules"


def to_rule(document: Document) -> Rule:
    """The rule of a document."""
    threshold, abnormal = document["threshold"], document.get("abnormal")
    return Rule(
        document["_id"],
        document["version"],
        Kind(document["kind"]),
        Severity(document["severity"]),
        enabled=document["enabled"],
        device_type=document["device_type"],
        device_id=document["device_id"],
        threshold=threshold
        and Threshold(
            threshold["metric"],
            Direction(threshold["direction"]),
            threshold["limit"],
            threshold["limit"] if threshold["clear_limit"] is None else threshold["clear_limit"],
            threshold["for_seconds"] * 1000,
        ),
        since_ms=milliseconds(document["updated_at"]),
        abnormal=Abnormal(**abnormal) if abnormal else None,
    )


class Rulebook:
    """Makes, changes and ends rules. What they look like is checked where they come in."""

    def __init__(self, rules: Collection, marks: Collection, clock: Clock) -> None:
        self._rules = rules
        self._marks = marks
        self._clock = clock
        # Told of every change that was made here, before the change is answered.
        self.listener: Callable[[], Awaitable[None]] | None = None

    async def all(self) -> list[Rule]:
        """Every rule there is."""
        return [to_rule(document) async for document in self._rules.find({"deleted": False})]

    async def page(self, size: int, after: str | None) -> tuple[list[Document], bool]:
        """Rules by id, after this one; and whether there are more."""
        which = {"deleted": False, **({"_id": {"$gt": after}} if after else {})}
        rules = await self._rules.find(which, {"events": False}, sort=[("_id", 1)], limit=size + 1).to_list()
        return rules[:size], len(rules) > size

    async def get(self, identity: str) -> Document:
        """Raises RuleNotFound."""
        document = await self._rules.find_one({"_id": identity, "deleted": False}, {"events": False})
        if document is None:
            raise RuleNotFound(id=identity)
        return document

    async def create(self, fields: Document) -> Document:
        """A new rule, which judges the readings that arrive from now on."""
        document = self._new(fields)
        await self._rules.insert_one(first(CHANGED, document))
        await self._tell()
        return document

    def _new(self, fields: Document) -> Document:
        now = moment(self._clock())
        return {"_id": uuid4().hex, **fields, "deleted": False, "version": 1, "created_at": now, "updated_at": now}

    async def replace(self, identity: str, fields: Document, version: int) -> Document:
        """Replaces what a rule says; `version` 0 takes any. Raises RuleNotFound, StaleVersion."""
        return await self._change(identity, {name: {"$literal": value} for name, value in fields.items()}, version)

    async def delete(self, identity: str) -> None:
        """Ends a rule; its document stays, for the alerts that name it. Raises RuleNotFound."""
        await self._change(identity, {"deleted": True}, 0)

    async def _change(self, identity: str, fields: dict[str, Any], version: int) -> Document:
        document = await self._rules.find_one_and_update(
            {"_id": identity, "deleted": False, **({"version": version} if version else {})},
            changed(CHANGED, fields, moment(self._clock())),
            {"events": False},
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            current = await self.get(identity)
            raise StaleVersion(current=current["version"], version=version)
        await self._tell()
        return document

    async def _tell(self) -> None:
        if self.listener:
            await self.listener()

    async def write_first(self) -> None:
        """The rule that every fleet begins with, once: whoever deletes it does not find it again."""
        if await self._marks.find_one({"_id": FIRST_RULES}):
            return
        fields = {
            "name": "Device offline",
            "kind": Kind.OFFLINE.value,
            "severity": Severity.WARNING.value,
            "enabled": True,
            "device_type": "",
            "device_id": 0,
            "threshold": None,
            "abnormal": None,
        }
        document = {**self._new(fields), "_id": "offline"}
        await self._rules.update_one({"_id": "offline"}, {"$setOnInsert": first(CHANGED, document)}, upsert=True)
        await self._marks.insert_one({"_id": FIRST_RULES, "at": moment(self._clock())})
