"""What is known of each device, as columns indexed by device id."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.clocks import Clocks
from telemetry_svc.columns.frame import PARTITIONS, Floats, Frame, Ids, Ints, Mask, partition_of
from telemetry_svc.columns.tally import Tally

FIRST_CAPACITY = 1024


class Status(IntEnum):
    """Inventory's status of a device; UNKNOWN: it never told of such a device."""

    UNKNOWN = 0
    IN_STOCK = 1
    RESERVED = 2
    DEPLOYED = 3
    MAINTENANCE = 4
    RETIRED = 5


# Indexed by Status: who may send readings.
MAY_SEND = np.array([status in (Status.DEPLOYED, Status.MAINTENANCE) for status in Status])


class Presence(IntEnum):
    """Whether a device is heard of. UNJUDGED: neither was said of it yet."""

    UNJUDGED = 0
    ONLINE = 1
    OFFLINE = 2


@dataclass(slots=True)
class Latest:
    """The newest value of one metric, by device id. `time_ms` is its watermark: 0 means never; older is late."""

    value: Floats
    time_ms: Ints


# Type and location of a device, the location as it is compared: without regard to case.
Place = tuple[str, str]


def at(device_type: str, location: str) -> Callable[[Place], bool]:
    """Whether a place is of a type ("": any) and at a location ("": any; with a trailing `/*` what lies below it)."""
    there = location.casefold()

    def wanted(place: Place) -> bool:
        right = place[1].startswith(there[:-1]) if there.endswith("/*") else there in ("", place[1])
        return right and device_type in ("", place[0])

    return wanted


class Fleet:
    """The devices that inventory told of, and what their readings said last.

    Columns are as long as the highest known id asks for: ids from outside must pass `statuses` before they index
    anything (numpy takes a negative id from the end). Nothing here is worth more than the journal and the store that it
    is made from, and applying either twice changes nothing.
    """

    def __init__(self) -> None:
        self.status: NDArray[np.int8] = np.zeros(FIRST_CAPACITY, np.int8)
        self.version: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        # Index into `types`.
        self.type: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        # What its readings are counted by: index into `places`, and partition, as one number.
        self.place_of: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        # When it came to its status: a device just deployed gets time to be switched on.
        self.since_ms: Ints = np.zeros(FIRST_CAPACITY, np.int64)
        # When the server last received something of it; 0: never.
        self.last_seen_ms: Ints = np.zeros(FIRST_CAPACITY, np.int64)
        self.presence: NDArray[np.int8] = np.zeros(FIRST_CAPACITY, np.int8)
        # The newest time that the server itself gave to a reading of it.
        self.stamped_ms: Ints = np.zeros(FIRST_CAPACITY, np.int64)
        self.latest: dict[str, Latest] = {}
        self.clocks = Clocks(FIRST_CAPACITY)
        # Partitions of which readings or silence changed something since this was last set back.
        self.dirty: Mask = np.zeros(PARTITIONS, bool)
        self.types: dict[str, int] = {"": 0}
        self.places: list[Place] = []
        self._places: dict[Place, int] = {}
        # By type: how long its devices may be silent, and how long readings are kept; 0: as for any. Grow with `types`.
        self.silence_ms: Ints = np.zeros(1, np.int64)
        self.retention_ms: Ints = np.zeros(1, np.int64)

    @property
    def capacity(self) -> int:
        """Length of every column."""
        return len(self.status)

    def place(
        self,
        device_id: int,
        status: Status,
        *,
        device_type: str,
        version: int,
        since_ms: int,
        location: str = "",
        anew: bool = False,
    ) -> bool:
        """Takes in what inventory says of a device, unless something as new was known; whether its status is another
        one now, which it has since then. `anew`: it may also have gone and come back to the one that was known. The ids
        are inventory's, and greater than 0."""
        self.make_room(device_id)
        if version <= self.version[device_id]:
            return False
        came = bool(status != self.status[device_id] or (anew and since_ms > self.since_ms[device_id]))
        if came:
            self.since_ms[device_id] = since_ms
        self.status[device_id] = status
        self.version[device_id] = version
        self.type[device_id] = self._type(device_type)
        place = self._place((device_type, location.casefold()))
        self.place_of[device_id] = place * PARTITIONS + partition_of(device_id)
        return came

    def make_room(self, device_id: int) -> None:
        """So that columns can be looked up by this id of inventory's, though nothing may be known of it yet."""
        if device_id >= self.capacity:
            self._grow(device_id + 1)

    def limit(self, device_type: str, *, silence_ms: int, retention_ms: int) -> None:
        """Devices of this type may be silent for so long, and their readings are kept for so long; 0: as for any."""
        code = self._type(device_type)  # which may make the columns longer
        self.silence_ms[code], self.retention_ms[code] = silence_ms, retention_ms

    def silences(self, devices: Ids | NDArray[np.intp] | slice, otherwise_ms: int) -> Ints:
        """How long each of these devices may be silent, `otherwise_ms` where its type does not say."""
        own = self.silence_ms[self.type[devices]]
        return np.where(own > 0, own, otherwise_ms)

    def retentions(self, devices: Ids | NDArray[np.intp], otherwise_ms: int) -> Ints:
        """How long the readings of these known devices are kept, likewise."""
        own = self.retention_ms[self.type[devices]]
        return np.where(own > 0, own, otherwise_ms)

    def shortest_retention(self, otherwise_ms: int) -> int:
        """The shortest of any type."""
        own = self.retention_ms[self.retention_ms > 0]
        return min(otherwise_ms, int(own.min(initial=otherwise_ms)))

    def of(self, device_type: str, location: str) -> Mask:
        """Which ids are of a type ("": any) and at a location ("": any; with a trailing `/*` what lies below it)."""
        wanted = at(device_type, location)
        right = np.array([wanted(place) for place in self.places], bool)
        mask = self.status != Status.UNKNOWN
        known = np.flatnonzero(mask)
        mask[known] = right[self.place_of[known] // PARTITIONS]
        return mask

    def tallied(self, tally: Tally) -> Tally:
        """A tally by `place_of`, by what the places are called."""
        return tally.renamed(lambda place: self.places[place // PARTITIONS])

    def _place(self, place: Place) -> int:
        code = self._places.setdefault(place, len(self._places))
        if code == len(self.places):
            self.places.append(place)
        return code

    def _type(self, device_type: str) -> int:
        code = self.types.setdefault(device_type, len(self.types))
        if code >= len(self.silence_ms):
            self.silence_ms, self.retention_ms = (
                _longer(self.silence_ms, 2 * code),
                _longer(self.retention_ms, 2 * code),
            )
        return code

    def statuses(self, ids: Ids | Ints) -> NDArray[np.int8]:
        """The status of each id: UNKNOWN for those that inventory never told of, whatever number they are."""
        if len(ids) and ids.min() >= 0 and ids.max() < self.capacity:
            return self.status[ids]
        inside = (ids >= 0) & (ids < self.capacity)
        found = np.zeros(len(ids), np.int8)
        found[inside] = self.status[ids[inside]]
        return found

    def status_of(self, device_id: int) -> Status:
        """Likewise, of one."""
        return Status(self.status[device_id]) if 0 <= device_id < self.capacity else Status.UNKNOWN

    def known(self) -> NDArray[np.intp]:
        """The ids that inventory told of, ascending."""
        return np.flatnonzero(self.status)

    def apply(self, frame: Frame) -> Mapping[str, Mask]:
        """Takes in readings of known devices; gives for each metric the rows that were news: newer than the device's
        newest value before. Where rows agree in device and time, the first one stays.
        """
        device, starts = frame.device, frame.runs()
        heard, last = device, None
        if starts is not None:
            # Mostly a device's readings follow each other: the last of them says what there is to be known.
            heard, last = device[starts], np.append(starts[1:], len(frame)) - 1
        self.dirty[heard % PARTITIONS] = True
        self.last_seen_ms[heard] = np.maximum(self.last_seen_ms[heard], frame.received_ms)
        return {metric: self._apply(metric, frame, column, last) for metric, column in frame.values.items()}

    def _apply(self, metric: str, frame: Frame, values: Floats, last: NDArray[np.intp] | None) -> Mask:
        """`last`: the last row of each run, if the frame has runs."""
        device, time_ms = frame.device, frame.time_ms
        latest = self.latest.get(metric)
        if latest is None:
            latest = self.latest[metric] = Latest(np.zeros(self.capacity), np.zeros(self.capacity, np.int64))
        missing = np.isnan(values)
        news = (time_ms > latest.time_ms[device]) & ~missing
        rows = np.flatnonzero(news) if last is None or missing.any() else last[news[last]]
        np.maximum.at(latest.time_ms, device[rows], time_ms[rows])
        # Of several rows for one device the assignment keeps the last: backwards, so that it is the first.
        newest = rows[time_ms[rows] == latest.time_ms[device[rows]]][::-1]
        latest.value[device[newest]] = values[newest]
        return news

    def hear_clocks(self, device: Ids, ahead_ms: Ints, received_ms: int) -> None:
        """Known devices sent something at a time of their own clock that was so far ahead; see Clocks.

        Whichever replica receives it hears it, and no journal tells the owner: see watch/hearsay.py.
        """
        self.clocks.hear(device, ahead_ms, received_ms)
        self.dirty[device % PARTITIONS] = True

    def hear_of_clocks(self, columns: Mapping[str, Any]) -> Ids:
        """Takes in what `Clocks.to_binary` gave somewhere, of the devices that are known here: gives these."""
        device, ahead_ms, heard_ms = Clocks.from_binary(columns)
        known = self.statuses(device) != Status.UNKNOWN
        self.clocks.restore(device[known], ahead_ms[known], heard_ms[known])
        return device[known]

    def forget(self, partition: int) -> None:
        """Drops what readings said of a partition's devices; what inventory said stays."""
        own = slice(partition, None, PARTITIONS)
        self.last_seen_ms[own] = 0
        self.presence[own] = Presence.UNJUDGED
        self.clocks.forget(own)
        for latest in self.latest.values():
            # Memory that was never written to takes no room: a metric that few devices have stays as small as it is.
            if latest.time_ms[own].any():
                latest.value[own], latest.time_ms[own] = 0.0, 0
        self.dirty[partition] = False

    def stamp(self, devices: Ids | Ints, now_ms: int, latest_ms: int) -> Ints:
        """Server times for rows of known devices that came without: now, or a millisecond after the device's last.

        More rows than there are milliseconds get times after `latest_ms`, which are given to nobody: the next row's is
        not later for them.
        """
        order = np.argsort(devices, kind="stable")
        ordered = devices[order]
        first = np.flatnonzero(np.diff(ordered, prepend=-1))
        lengths = np.diff(np.r_[first, len(ordered)])
        start = np.maximum(now_ms, self.stamped_ms[ordered[first]] + 1)
        self.stamped_ms[ordered[first]] = np.minimum(start + lengths - 1, latest_ms)
        given = np.empty(len(devices), np.int64)
        given[order] = np.arange(len(devices)) + np.repeat(start - first, lengths)
        return given

    def stamp_one(self, device_id: int, now_ms: int, latest_ms: int) -> int:
        """Likewise, for one row."""
        return int(self.stamp(np.array([device_id]), now_ms, latest_ms)[0])

    def _grow(self, least: int) -> None:
        capacity = max(least, 2 * self.capacity)
        for name in ("status", "version", "type", "place_of", "since_ms", "last_seen_ms", "presence", "stamped_ms"):
            setattr(self, name, _longer(getattr(self, name), capacity))
        self.clocks.grow(capacity)
        for latest in self.latest.values():
            latest.value, latest.time_ms = _longer(latest.value, capacity), _longer(latest.time_ms, capacity)


def _longer(column: np.ndarray, length: int) -> np.ndarray:
    grown = np.zeros(length, column.dtype)
    grown[: len(column)] = column
    return grown
