"""What readings said of the fleet, saved now and then: so that a start replays seconds of the journal, not a day."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from pymongo.errors import DuplicateKeyError

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import DEVICE, PARTITIONS, TIME, VALUE, Frame
from telemetry_svc.columns.narrow import Columns, Narrow, frame_of
from telemetry_svc.fence import LeaseLost
from telemetry_svc.store import Collection, Document
from telemetry_svc.watch.abnormal import Profile
from telemetry_svc.watch.judge import Judge
from telemetry_svc.watch.rules import Excursion, Rule

PRESENCE = np.dtype("i1")
# Of a million devices, one takes some hundredths of a second.
BLOCKS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Saved:
    """A rule's excursion of a device, as it was when its block was saved."""

    rule_id: str
    rule_version: int
    device_id: int
    since_ms: int


class State:
    """A block for each partition: its devices' columns, and the rules' excursions, and what they learned.

    Whatever of the journal a block has not seen can be applied to it; so can, once more, what it has seen.
    """

    def __init__(self, states: Collection) -> None:
        self._states = states
        # How far the blocks of others were read.
        self._read: dict[int, tuple[int, int]] = {}
        # Grows with every block that is saved: one that was held up on its way must not come after later ones.
        self._word = 0

    async def save(self, fleet: Fleet, judge: Judge, partition: int, epoch: int) -> None:
        """Saves a partition, as its owner of this epoch. Raises LeaseLost when there is a later one."""
        fleet.dirty[partition] = False
        self._word += 1
        later = [{"epoch": {"$gt": epoch}}, {"epoch": epoch, "word": {"$gte": self._word}}]
        which = {"_id": partition, "$nor": later}
        block = {**_block(fleet, judge, partition), "epoch": epoch, "word": self._word}
        try:
            await self._states.update_one(which, {"$set": block, "$inc": {"saved": 1}}, upsert=True)
        except DuplicateKeyError:
            raise LeaseLost from None
        except BaseException:
            fleet.dirty[partition] = True
            raise

    async def restore(self, fleet: Fleet, judge: Judge, partitions: Iterable[int]) -> list[Saved]:
        """Puts blocks back into a fleet that knows its devices; gives the alerts that were open then."""
        were_open: list[Saved] = []
        async with self._states.find({"_id": {"$in": list(partitions)}}, batch_size=BLOCKS_AT_ONCE) as found:
            async for document in found:
                were_open += _put_back(fleet, judge, document)
        return were_open

    async def watch_others(self, fleet: Fleet, partitions: Iterable[int]) -> None:
        """Takes in what the owners of these partitions saved since the last time: what they know of the devices."""
        saved = await self._states.find({"_id": {"$in": list(partitions)}}, ["epoch", "saved"]).to_list()
        new = {one["_id"]: (one["epoch"], one["saved"]) for one in saved}
        changed = [partition for partition, mark in new.items() if self._read.get(partition) != mark]
        async with self._states.find({"_id": {"$in": changed}}, batch_size=BLOCKS_AT_ONCE) as found:
            async for document in found:
                _put_columns_back(fleet, document)
                self._read[document["_id"]] = document["epoch"], document["saved"]


def _block(fleet: Fleet, judge: Judge, partition: int) -> Document:
    ids = np.arange(partition, fleet.capacity, PARTITIONS)
    seen = ids[(fleet.last_seen_ms[ids] > 0) | (fleet.presence[ids] > 0)]
    latest: list[Columns] = []
    for metric, column in fleet.latest.items():
        has = ids[column.time_ms[ids] > 0]
        if len(has):
            frame = Frame(has.astype(DEVICE), column.time_ms[has], {metric: column.value[has]}, received_ms=0)
            latest.append(Narrow.of(frame).to_binary())
    heard = ids[fleet.clocks.heard_ms[ids] > 0]
    return {
        "device": seen.astype(DEVICE).tobytes(),
        "last_seen_ms": fleet.last_seen_ms[seen].astype(TIME).tobytes(),
        "presence": fleet.presence[seen].astype(PRESENCE).tobytes(),
        "latest": latest,
        "clocks": fleet.clocks.to_binary(heard),
        "profiles": [_profile(rule, profile, ids) for rule, profile in judge.profiles()],
        **_excursions(judge, partition),
    }


def _excursions(judge: Judge, partition: int) -> Document:
    """As columns, one for each rule: when a site loses its network, all of its devices are on one at once."""
    found: Document = {"pending": [], "open": []}
    for rule, excursions in judge.excursions(partition):
        for key, opened in (("pending", False), ("open", True)):
            some = {device_id: one.since_ms for device_id, one in excursions.items() if one.opened is opened}
            if some:
                columns = {
                    "device": np.fromiter(some, DEVICE, len(some)).tobytes(),
                    "since_ms": np.fromiter(some.values(), TIME, len(some)).tobytes(),
                }
                found[key].append({"rule_id": rule.id, "rule_version": rule.version, **columns})
    return found


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


def _put_columns_back(fleet: Fleet, block: Document) -> None:
    device = np.frombuffer(block["device"], DEVICE)
    known = fleet.statuses(device) != Status.UNKNOWN
    fleet.last_seen_ms[device[known]] = np.frombuffer(block["last_seen_ms"], TIME)[known]
    fleet.presence[device[known]] = np.frombuffer(block["presence"], PRESENCE)[known]
    for columns in block["latest"]:
        frame = frame_of(columns, received_ms=0)
        fleet.apply(frame.take(fleet.statuses(frame.device) != Status.UNKNOWN))
    if clocks := block.get("clocks"):  # the first release saved none
        fleet.hear_of_clocks(clocks)
    fleet.dirty[block["_id"]] = False


def _put_back(fleet: Fleet, judge: Judge, block: Document) -> list[Saved]:
    _put_columns_back(fleet, block)
    for one in block["profiles"]:
        _put_profile_back(fleet, judge, one)
    for one in _of_this_time(fleet, block["pending"]):
        judge.resume(one.rule_id, one.rule_version, one.device_id, Excursion(one.since_ms, opened=False))
    return list(_of_this_time(fleet, block.get("open", [])))  # the first release saved none


def _of_this_time(fleet: Fleet, excursions: Iterable[Document]) -> Iterator[Saved]:
    """Not those of a device that came to its status after its last reading: the block may be older than that."""
    for one in chain.from_iterable(map(_saved, excursions)):
        known = fleet.status_of(one.device_id) is not Status.UNKNOWN
        if known and fleet.since_ms[one.device_id] <= fleet.last_seen_ms[one.device_id]:
            yield one


def _saved(excursions: Document) -> list[Saved]:
    if "device_id" in excursions:  # the first releases saved them one by one
        return [Saved(**excursions)]
    rule_id, rule_version = excursions["rule_id"], excursions["rule_version"]
    device, since_ms = np.frombuffer(excursions["device"], DEVICE), np.frombuffer(excursions["since_ms"], TIME)
    return [Saved(rule_id, rule_version, *one) for one in zip(device.tolist(), since_ms.tolist(), strict=True)]


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
