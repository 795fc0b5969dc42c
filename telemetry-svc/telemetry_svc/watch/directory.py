"""The fleet as a list: which devices, and in what order. Columns do most of it, the store what needs names."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.fleet import Fleet, Presence, Status
from telemetry_svc.columns.frame import Ids, Mask
from telemetry_svc.store import Collection
from telemetry_svc.watch.alerts import Alerts
from telemetry_svc.watch.rules import RANKS

# So few are sorted by name as they are asked for; of more, a page is soon found by walking the index.
FEW = 20_000
WALK = 1_000
# A document of nothing but a 32-bit _id, as BSON: a million of them are read as one column.
BARE_ID = np.dtype([("head", "V9"), ("id", "<i4"), ("end", "V1")])

Position = tuple[int | str, ...]


class Order(StrEnum):
    """What the list is sorted by; devices that agree in it by id."""

    ID = "id"
    NAME = "name"
    LAST_SEEN = "last_seen"
    SEVERITY = "severity"


@dataclass(frozen=True, slots=True)
class Question:
    """Which devices; empty and None say nothing. `severity`: with an open alert at least that bad."""

    status: Status | None = None
    type: str = ""
    location: str = ""
    online: bool | None = None
    severity: str = ""
    q: str = ""
    order: Order = Order.ID
    backwards: bool = False


class Directory:
    """Finds devices, a page at a time."""

    def __init__(self, fleet: Fleet, devices: Collection, alerts: Alerts) -> None:
        self._fleet = fleet
        self._devices = devices
        self._alerts = alerts

    async def page(self, question: Question, size: int, after: Position | None) -> tuple[list[Position], bool]:
        """Positions of at most `size` devices behind `after`, each with the device's id at its end; and whether there
        are more."""
        worst = await self._worst() if question.severity or question.order is Order.SEVERITY else None
        mask = await self._mask(question, worst)
        if question.order is Order.NAME:
            found = await self._by_name(mask, question.backwards, size + 1, after)
        else:
            keys = {Order.LAST_SEEN: self._fleet.last_seen_ms, Order.SEVERITY: worst}.get(question.order)
            found = _sorted(np.flatnonzero(mask), keys, question.backwards, size + 1, after)
        return found[:size], len(found) > size

    async def _mask(self, question: Question, worst: NDArray[np.int8] | None) -> Mask:
        fleet = self._fleet
        found = await self._called(question.q) if question.q else None
        mask = fleet.of(question.type, question.location)
        mask &= fleet.status != Status.RETIRED if question.status is None else fleet.status == question.status
        if question.online is not None:
            mask &= (fleet.presence == Presence.ONLINE) == question.online
        if question.severity and worst is not None:
            mask &= _fit(worst, len(mask)) > RANKS[question.severity]
        if found is not None:
            called = np.zeros(len(mask), bool)
            called[found[found < len(mask)]] = True
            mask &= called
        return mask

    async def _worst(self) -> NDArray[np.int8]:
        """By device: 0 without an open alert, else one more than the worst one's rank."""
        device, rank, _ = await self._alerts.open_by_severity({})
        worst = np.zeros(self._fleet.capacity, np.int8)
        known = device < len(worst)
        np.maximum.at(worst, device[known], rank[known] + 1)
        return worst

    async def _called(self, prefix: str) -> Ids:
        """Ids of the devices whose name or serial number begins like that."""
        key = prefix.casefold()
        found: list[Ids] = [np.zeros(0, np.int32)]
        for field in ("name_key", "serial_key"):
            # Behind everything that begins with it, for no text has this character.
            which = {field: {"$gte": key, "$lt": f"{key}\U0010ffff"}}
            async for batch in self._devices.find_raw_batches(which, ["_id"]):
                found.append(np.frombuffer(cast("bytes", batch), BARE_ID)["id"])
        return np.concatenate(found)

    async def _by_name(self, mask: Mask, backwards: bool, size: int, after: Position | None) -> list[Position]:
        way, beyond = (-1, "$lt") if backwards else (1, "$gt")
        ids = np.flatnonzero(mask)
        conditions: list[dict] = [{"_id": {"$in": ids.tolist()}}] if len(ids) <= FEW else []
        if after:
            name, identity = after
            conditions.append({"$or": [{"name_key": {beyond: name}}, {"name_key": name, "_id": {beyond: identity}}]})
        which = {"$and": conditions} if conditions else {}
        found: list[Position] = []
        walk = self._devices.find(which, ["name_key"], sort=[("name_key", way), ("_id", way)], batch_size=WALK)
        async with walk:
            async for document in walk:
                identity = document["_id"]
                if identity < len(mask) and mask[identity]:
                    found.append((document.get("name_key", ""), identity))
                    if len(found) == size:
                        break
        return found


def _sorted(
    ids: NDArray[np.intp], column: NDArray | None, backwards: bool, size: int, after: Sequence[int | str] | None
) -> list[Position]:
    """The first `size` of these ascending ids behind a position, by their keys in a column (None: by themselves)."""
    way = -1 if backwards else 1
    if column is None:
        if after:
            ids = ids[way * ids > way * int(after[-1])]
        return [(one,) for one in ids[::way][:size].tolist()]
    keys, ties = way * _fit(column, int(ids.max(initial=0)) + 1)[ids].astype(np.int64), way * ids
    if after:
        key, tie = way * int(after[0]), way * int(after[-1])
        behind = (keys > key) | ((keys == key) & (ties > tie))
        ids, keys, ties = ids[behind], keys[behind], ties[behind]
    if len(ids) > size:
        # Only those that can be on the page are sorted.
        near = keys <= np.partition(keys, size - 1)[size - 1]
        ids, keys, ties = ids[near], keys[near], ties[near]
    order = np.lexsort((ties, keys))[:size]
    return list(zip((way * keys[order]).tolist(), ids[order].tolist(), strict=True))


def _fit(column: NDArray, length: int) -> NDArray:
    """The column, as long as that: the fleet may have grown while the store was asked."""
    if len(column) >= length:
        return column[:length]
    return np.concatenate([column, np.zeros(length - len(column), column.dtype)])
