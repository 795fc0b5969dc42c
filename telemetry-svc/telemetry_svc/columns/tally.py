"""What was measured, counted: smallest, greatest, sum and number of the values by metric, minute and place."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import RUN, Floats, Frame, Ints, Mask
from telemetry_svc.columns.packing import pack_floats, pack_ints, unpack_floats, unpack_ints
from telemetry_svc.columns.rows import Rows

MINUTE_MS, HOUR_MINUTES = 60_000, 60


@dataclass(slots=True)
class Numbers:
    """Of some values: the smallest, the greatest, their sum and number."""

    least: float = float("inf")
    most: float = float("-inf")
    total: float = 0.0
    count: int = 0

    def add(self, least: float, most: float, total: float, count: int) -> None:
        """Counts other values in."""
        self.least, self.most = min(self.least, least), max(self.most, most)
        self.total, self.count = self.total + total, self.count + count


@dataclass(frozen=True, slots=True)
class Tally:
    """A table with a row for each place, metric and minute (since 1970) that has values.

    `place` and `metric` are indices into `places` and `metrics`. A place is whatever devices are counted by.
    """

    places: Sequence[Any] = ()
    metrics: Sequence[Any] = ()
    place: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    metric: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    minute: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    count: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    least: Floats = field(default_factory=lambda: np.zeros(0))
    most: Floats = field(default_factory=lambda: np.zeros(0))
    total: Floats = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.minute)

    @classmethod
    def of(cls, frame: Frame | Rows, cells: Mapping[str, Mask], places: NDArray[np.int32]) -> Self:
        """Of the chosen `cells` of a frame, none of them NaN. `places`: the place of each device, by its id."""
        if not len(frame):
            return cls()
        minutes = frame.time_ms // MINUTE_MS
        first, span = int(minutes.min()), int(minutes.max()) - int(minutes.min()) + 1
        keys = places[frame.device].astype(np.int64) * span + (minutes - first)
        pieces: list[tuple[np.ndarray, ...]] = []
        whole: _Grouping | None = None
        for number, (metric, mask) in enumerate(cells.items()):
            if mask.all():
                # Mostly every row has every metric: they are grouped once for all of these.
                grouping = whole = whole or _Grouping.of(keys)
                sums = grouping.sums(frame.values[metric])
            elif mask.any():
                grouping = _Grouping.of(keys[mask])
                sums = grouping.sums(frame.values[metric][mask])
            else:
                continue
            key = grouping.keys
            minute, place = (key % span + first).astype(np.int32), key // span
            pieces.append((place, np.full(len(key), number, np.int32), minute, grouping.counts, *sums))
        if not pieces:
            return cls()
        place, *columns = [np.concatenate(column) for column in zip(*pieces, strict=True)]
        names, place = np.unique(place, return_inverse=True)
        return cls(names.tolist(), list(cells), place.astype(np.int32), *columns)

    @classmethod
    def together(cls, tallies: Iterable["Tally"]) -> Self:
        """All of them as one, a row for each place, metric and minute."""
        tallies = [tally for tally in tallies if len(tally)]
        if not tallies:
            return cls()
        places: dict[Hashable, int] = {}
        metrics: dict[Hashable, int] = {}
        place = [_codes(tally.places, places)[tally.place] for tally in tallies]
        metric = [_codes(tally.metrics, metrics)[tally.metric] for tally in tallies]
        columns = [
            np.concatenate(column)
            for column in (place, metric, *([getattr(one, name) for one in tallies] for name in _NAMES))
        ]
        order = np.lexsort(columns[2::-1])
        columns = [column[order] for column in columns]
        new = np.logical_or.reduce([np.diff(column, prepend=-1) != 0 for column in columns[:3]])
        starts = np.flatnonzero(new)
        reduced = [way.reduceat(column, starts) for way, column in zip(_WAYS, columns[3:], strict=True)]
        keys: list[Any] = [column[starts] for column in columns[:3]]
        return cls(list(places), list(metrics), *keys, *reduced)

    def renamed(self, name: Callable[[Any], Hashable]) -> "Tally":
        """The same of other places; what gets one name is one place."""
        names = [name(place) for place in self.places]
        columns = (getattr(self, column) for column in ("place", "metric", *_NAMES))
        renamed = Tally(names, self.metrics, *columns)
        return renamed if len(set(names)) == len(names) else Tally.together([renamed])

    def at(self, wanted: Callable[[Any], bool]) -> "Tally":
        """Of the places that are wanted."""
        right = np.array([wanted(place) for place in self.places], bool)
        return self.take(right[self.place]) if len(self) else self

    def parts(self, key: Callable[[Any], int]) -> Iterator[tuple[int, "Tally"]]:
        """By the key of their places."""
        if not len(self):
            return
        keys = np.array([key(place) for place in self.places])[self.place]
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
        for rows in np.split(order, starts[1:]):
            yield int(keys[rows[0]]), self.take(rows)

    def take(self, rows: Mask | NDArray[np.intp]) -> "Tally":
        """Of some rows."""
        columns = (getattr(self, name)[rows] for name in ("place", "metric", *_NAMES))
        return Tally(self.places, self.metrics, *columns)

    def hours(self) -> Iterator[tuple[int, "Tally"]]:
        """By hour since 1970."""
        hour = self.minute // HOUR_MINUTES
        for one in np.unique(hour).tolist():
            yield one, self.take(hour == one)

    def whole_hours(self) -> "Tally":
        """A row for each hour instead of for each minute, at the hour's first minute."""
        minute = self.minute // HOUR_MINUTES * HOUR_MINUTES
        columns = (getattr(self, name) for name in _NAMES[1:])
        return Tally.together([Tally(self.places, self.metrics, self.place, self.metric, minute, *columns)])

    def numbers(self) -> dict[str, Numbers]:
        """By metric."""
        found: dict[str, Numbers] = {}
        for number in np.unique(self.metric).tolist():
            rows = self.take(self.metric == number)
            numbers = found[self.metrics[number]] = Numbers()
            numbers.add(float(rows.least.min()), float(rows.most.max()), float(rows.total.sum()), int(rows.count.sum()))
        return found

    def to_binary(self) -> dict[str, Any]:
        """As little-endian bytes, with the places (tuples) and metrics that occur."""
        names, place, metric = self._named()
        return {
            **names,
            "place": place.astype("<i4").tobytes(),
            "metric": metric.astype("<i4").tobytes(),
            **{name: getattr(self, name).astype(_TYPES[name]).tobytes() for name in _NAMES},
        }

    def to_packed(self) -> dict[str, Any]:
        """Likewise in an eighth of the bytes, for ten times the work: for what is kept. There must be a row."""
        names, place, metric = self._named()
        keys = (place, metric, self.minute, self.count)
        # What was measured once is its own smallest, greatest and sum.
        several = self.count > 1
        return {
            **names,
            "rows": len(self),
            "keys": [pack_ints(column.astype(np.int64), _ALONE)[0] for column in keys],
            "least": pack_floats(self.least, _ALONE)[0],
            "several": [pack_floats(column[several], _ALONE)[0] for column in (self.most, self.total) if several.any()],
        }

    def _named(self) -> tuple[dict[str, Any], NDArray[np.intp], NDArray[np.intp]]:
        places, place = np.unique(self.place, return_inverse=True)
        metrics, metric = np.unique(self.metric, return_inverse=True)
        return (
            {
                "places": [list(self.places[one]) for one in places.tolist()],
                "metrics": [self.metrics[one] for one in metrics.tolist()],
            },
            place,
            metric,
        )

    @classmethod
    def from_binary(cls, columns: Mapping[str, Any]) -> Self:
        """What `to_binary` or `to_packed` gave."""
        places, metrics = [tuple(place) for place in columns["places"]], columns["metrics"]
        if rows := columns.get("rows"):
            return cls(places, metrics, *_unpacked(columns, rows))
        return cls(
            places,
            metrics,
            np.frombuffer(columns["place"], "<i4"),
            np.frombuffer(columns["metric"], "<i4"),
            *[np.frombuffer(columns[name], _TYPES[name]) for name in _NAMES],
        )


_ALONE = np.zeros(1, np.intp)
_TYPES = {"minute": "<i4", "count": "<i8", "least": "<f8", "most": "<f8", "total": "<f8"}
_NAMES = tuple(_TYPES)
_WAYS = (np.add, np.minimum, np.maximum, np.add)


@dataclass(frozen=True, slots=True)
class _Grouping:
    """Which rows have the same key. `keys`: those that there are, ascending; `counts`: how many rows have each.

    `starts`: of the runs of rows that share a key, None where those are short; `slots`: where each run, or row, is
    summed up; `used`: the slots that are the keys'.
    """

    keys: Ints
    counts: Ints
    starts: NDArray[np.intp] | None
    slots: Ints
    used: Mask

    @classmethod
    def of(cls, keys: Ints) -> Self:
        """By the key of each row, none of them below 0."""
        starts, lengths = np.flatnonzero(np.diff(keys, prepend=-1)), None
        if RUN * len(starts) < len(keys):
            # Mostly a device's readings follow each other, and many are of one minute.
            lengths = np.diff(starts, append=len(keys))
            keys = keys[starts]
        lowest = int(keys.min())
        length = int(keys.max()) - lowest + 1
        if length > 4 * len(keys) + 4096:
            # Few of them, far apart: in a row.
            there, slots = np.unique(keys, return_inverse=True)
        else:
            there, slots = np.arange(lowest, lowest + length), keys - lowest
        counts = np.bincount(slots, lengths).astype(np.int64)
        used = counts > 0
        return cls(there[used], counts[used], starts if lengths is not None else None, slots, used)

    def sums(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Of the values of each key the smallest, the greatest and the sum."""
        least = most = total = values
        if self.starts is not None:
            with np.errstate(over="ignore"):  # values may be as big as a float holds, and their sum an infinity
                least, most, total = (way.reduceat(values, self.starts) for way in (np.minimum, np.maximum, np.add))
        sums: Floats = np.bincount(self.slots, total).astype(np.float64, copy=False)
        smallest, greatest = np.full(len(sums), np.inf), np.full(len(sums), -np.inf)
        np.minimum.at(smallest, self.slots, least)
        np.maximum.at(greatest, self.slots, most)
        return smallest[self.used], greatest[self.used], sums[self.used]


def _unpacked(columns: Mapping[str, Any], rows: int) -> Iterator[np.ndarray]:
    *keys, count = [unpack_ints(packed, rows) for packed in columns["keys"]]
    least = unpack_floats(columns["least"], rows)
    several = count > 1
    yield from (key.astype(np.int32) for key in keys)
    yield count
    yield least
    for packed in columns["several"]:
        column = least.copy()
        column[several] = unpack_floats(packed, int(several.sum()))
        yield column
    if not columns["several"]:
        yield from (least, least)


def _codes(names: Sequence[Hashable], known: dict[Hashable, int]) -> NDArray[np.int32]:
    return np.array([known.setdefault(name, len(known)) for name in names], np.int32)
