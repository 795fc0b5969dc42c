"""What readings said of the fleet, saved now and then: so that a start replays seconds of the journal, not a day."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import DEVICE, PARTITIONS, TIME, VALUE, Frame
from telemetry_svc.store import Collection, Document
from telemetry_svc.watch.abnormal import Profile
from telemetry_svc.watch.judge import Judge
from telemetry_svc.watch.rules import Excursion, Rule

POSITION = "position"
PRESENCE = np.dtype("i1")


class State:
    """A block for each partition: its devices' columns, and the rules' pending excursions, and what they learned.

    A block is right for itself; the position says from where on the journal must be applied to all, once or again.
    """

    def __init__(self, states: Collection) -> None:
        self._states = states

    async def save(self, fleet: Fleet, judge: Judge, position_ms: int) -> None:
        """Saves the partitions that changed; everything received before `position_ms` must have been applied."""
        for partition in np.flatnonzero(fleet.dirty).tolist():
            fleet.dirty[partition] = False
            block = _block(fleet, judge, partition)
            try:
                await self._states.replace_one({"_id": partition}, block, upsert=True)
            except BaseException:
                fleet.dirty[partition] = True
                raise
        await self._states.replace_one({"_id": POSITION}, {"received_ms": position_ms}, upsert=True)

    async def restore(self, fleet: Fleet, judge: Judge) -> int:
        """Puts the blocks back into a fleet that knows its devices; gives the position."""
        position_ms = 0
        async with self._states.find({}) as found:
            async for document in found:
                if document["_id"] == POSITION:
                    position_ms = document["received_ms"]
                else:
                    _put_back(fleet, judge, document)
        return position_ms


def _block(fleet: Fleet, judge: Judge, partition: int) -> Document:
    ids = np.arange(partition, fleet.capacity, PARTITIONS)
    seen = ids[(fleet.last_seen_ms[ids] > 0) | (fleet.presence[ids] > 0)]
    latest: list[dict[str, Any]] = []
    for metric, column in fleet.latest.items():
        has = ids[column.time_ms[ids] > 0]
        if len(has):
            latest.append(Frame(has.astype(DEVICE), column.time_ms[has], {metric: column.value[has]}, 0).to_binary())
    return {
        "device": seen.astype(DEVICE).tobytes(),
        "last_seen_ms": fleet.last_seen_ms[seen].astype(TIME).tobytes(),
        "presence": fleet.presence[seen].astype(PRESENCE).tobytes(),
        "latest": latest,
        "profiles": [_profile(rule, profile, ids) for rule, profile in judge.profiles()],
        "pending": [
            {"rule_id": rule.id, "rule_version": rule.version, "device_id": device_id, "since_ms": since_ms}
            for rule, device_id, since_ms in judge.pending()
            if device_id % PARTITIONS == partition
        ],
    }


def _profile(rule: Rule, profile: Profile, ids: NDArray[np.intp]) -> Document:
    learned = ids[profile.count[ids] > 0]
    return {
        "rule_id": rule.id,
        "rule_version": rule.version,
        "device": learned.astype(DEVICE).tobytes(),
        "mean": profile.mean[learned].astype(VALUE).tobytes(),
        "variance": profile.variance[learned].astype(VALUE).tobytes(),
        "count": profile.count[learned].astype(DEVICE).tobytes(),
    }


def _put_back(fleet: Fleet, judge: Judge, block: Document) -> None:
    device = np.frombuffer(block["device"], DEVICE)
    known = fleet.statuses(device) != Status.UNKNOWN
    fleet.last_seen_ms[device[known]] = np.frombuffer(block["last_seen_ms"], TIME)[known]
    fleet.presence[device[known]] = np.frombuffer(block["presence"], PRESENCE)[known]
    for columns in block["latest"]:
        frame = Frame.from_binary(columns, received_ms=0)
        fleet.apply(frame.take(fleet.statuses(frame.device) != Status.UNKNOWN))
    for one in block.get("profiles", []):
        _put_profile_back(fleet, judge, one)
    for one in block["pending"]:
        if fleet.status_of(one["device_id"]) is not Status.UNKNOWN:
            excursion = Excursion(one["since_ms"], opened=False)
            judge.resume(one["rule_id"], one["rule_version"], one["device_id"], excursion)


def _put_profile_back(fleet: Fleet, judge: Judge, one: Document) -> None:
    profile = judge.profile(one["rule_id"], one["rule_version"])
    if profile is None:
        return
    device = np.frombuffer(one["device"], DEVICE)
    # A device that came to its status after its last reading begins anew: the block may be older than that.
    good = fleet.statuses(device) != Status.UNKNOWN
    good[good] = fleet.since_ms[device[good]] <= fleet.last_seen_ms[device[good]]
    profile.mean[device[good]] = np.frombuffer(one["mean"], VALUE)[good]
    profile.variance[device[good]] = np.frombuffer(one["variance"], VALUE)[good]
    profile.count[device[good]] = np.frombuffer(one["count"], DEVICE)[good]
