"""A frame in as few bytes as can be had for a few passes over it: as the journal keeps it, for seconds.

Times lie close to each other, and what a sensor says is a short decimal: four bytes for the one and two for the other
do, of eight. A column that is not so stays as it is. What is kept for years is packed: see packing.py.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import DEVICE, PARTITIONS, TIME, VALUE, Floats, Frame, Ids
from telemetry_svc.columns.packing import MOST_DECIMALS, exactly
from telemetry_svc.columns.rows import Rows

# By how many bytes a number takes.
_TIMES = {4: np.dtype("<u4"), 8: TIME}
_VALUES = {2: np.dtype("<i2"), 4: np.dtype("<i4"), 8: VALUE}
# So many values, at least, are asked first how many decimals they have.
ASKED = 32

# Milliseconds after the base, or as they are; integers, or values as they are.
Times = NDArray[np.uint32] | NDArray[np.int64]
Values = NDArray[np.int16] | NDArray[np.int32] | Floats
# Columns as little-endian bytes, and what is needed to read them.
Columns = Mapping[str, Any]


class Part(NamedTuple):
    """The rows of a frame that are of one partition: how many, their first and last time, and their columns."""

    partition: int
    rows: int
    from_ms: int
    to_ms: int
    columns: Columns


@dataclass(frozen=True, slots=True)
class Narrow:
    """Row i is the i-th entry of every column.

    `device` int32[n]; `time_ms` [n], after `base_ms`; `values` [n] for each metric: floats where its `decimals` are
    None, else integers, each of so many decimals.
    """

    device: Ids
    base_ms: int
    time_ms: Times
    values: Mapping[str, Values]
    decimals: Mapping[str, int | None]

    @classmethod
    def of(cls, frame: Frame) -> Self:
        """A frame of at least one row."""
        least, most = int(frame.time_ms.min()), int(frame.time_ms.max())
        near = most - least < 2**32
        base_ms = least if near else 0
        time_ms = (frame.time_ms - base_ms).astype(_TIMES[4]) if near else frame.time_ms
        narrowed = {metric: _narrowed(column) for metric, column in frame.values.items()}
        values = {metric: column for metric, (column, _) in narrowed.items()}
        return cls(frame.device, base_ms, time_ms, values, {metric: places for metric, (_, places) in narrowed.items()})

    def parts(self) -> Iterator[Part]:
        """The rows of each partition that has any, in the order that they have here."""
        # One byte a row: numpy sorts those by radix, in linear time.
        partition = (self.device % PARTITIONS).astype(np.uint8)
        ordered = self._take(np.argsort(partition, kind="stable"))
        counts = np.bincount(partition, minlength=PARTITIONS)
        there = np.flatnonzero(counts)
        ends = np.cumsum(counts[there])
        starts = ends - counts[there]
        # All at once: a message of one row each makes many parts of a few rows.
        first = np.minimum.reduceat(ordered.time_ms, starts)
        last = np.maximum.reduceat(ordered.time_ms, starts)
        whole = ordered.to_binary()
        every = (one.tolist() for one in (there, starts, ends, first, last))
        for number, start, end, from_ms, to_ms in zip(*every, strict=True):
            columns = _cut(whole, len(partition), start, end)
            yield Part(number, end - start, self.base_ms + from_ms, self.base_ms + to_ms, columns)

    def _take(self, rows: NDArray[np.intp]) -> "Narrow":
        values = {metric: column[rows] for metric, column in self.values.items()}
        return Narrow(self.device[rows], self.base_ms, self.time_ms[rows], values, self.decimals)

    def to_binary(self) -> Columns:
        """The columns as bytes."""
        return {
            "metrics": list(self.values),
            "device": self.device.astype(DEVICE, copy=False).tobytes(),
            "base_ms": self.base_ms,
            "time_ms": self.time_ms.tobytes(),
            "decimals": list(self.decimals.values()),
            "values": [column.tobytes() for column in self.values.values()],
        }


def joined(parts: Sequence[Columns]) -> Columns:
    """Columns of one narrow frame, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return {
        **parts[0],
        "device": b"".join(part["device"] for part in parts),
        "time_ms": b"".join(part["time_ms"] for part in parts),
        "values": [b"".join(column) for column in zip(*(part["values"] for part in parts), strict=True)],
    }


def rows_of(columns: Columns) -> int:
    """How many there are."""
    return len(columns["device"]) // DEVICE.itemsize


def layout_of(columns: Columns) -> Hashable:
    """What pieces have in common whose bytes can be put together, but for their base."""
    rows = rows_of(columns)
    widths = (_width(column, rows) for column in (columns["time_ms"], *columns["values"]))
    return *columns["metrics"], *columns.get("decimals", ()), *widths


def rows_joined(parts: Sequence[Columns], received_ms: Sequence[int]) -> Rows:
    """Columns of one layout, each received at a time of its own, one after the other."""
    whole, counts = joined(parts), [rows_of(part) for part in parts]
    frame = frame_of({**whole, "base_ms": 0}, 0)
    base_ms = np.repeat([part.get("base_ms", 0) for part in parts], counts)
    return Rows(frame.device, frame.time_ms + base_ms, frame.values, np.repeat(received_ms, counts))


def frame_of(columns: Columns, received_ms: int) -> Frame:
    """What `to_binary` gave, received then; columns may be views of its bytes, which cannot be written.

    The first release kept all columns as they are, and told of no base and no decimals.
    """
    device = np.frombuffer(columns["device"], DEVICE)
    rows = len(device)
    time_ms = np.frombuffer(columns["time_ms"], _TIMES[_width(columns["time_ms"], rows)]).astype(np.int64)
    metrics = columns["metrics"]
    values = zip(metrics, columns["values"], columns.get("decimals", [None] * len(metrics)), strict=True)
    return Frame(
        device,
        time_ms + columns.get("base_ms", 0),
        {metric: _widened(column, rows, decimals) for metric, column, decimals in values},
        received_ms,
    )


def _cut(columns: Columns, rows: int, start: int, end: int) -> Columns:
    def cut(column: bytes) -> bytes:
        width = _width(column, rows)
        return column[width * start : width * end]

    return {
        **columns,
        "device": cut(columns["device"]),
        "time_ms": cut(columns["time_ms"]),
        "values": [cut(column) for column in columns["values"]],
    }


def _narrowed(values: Floats) -> tuple[Values, int | None]:
    asked = values[:: max(1, len(values) // ASKED)]
    for decimals in range(MOST_DECIMALS + 1):
        if exactly(asked, decimals)[0].all():
            exact, integers = exactly(values, decimals)
            if exact.all():
                return _integers(integers, values, decimals)
            asked = values[~exact][:ASKED]
    return values, None


def _integers(integers: Floats, values: Floats, decimals: int) -> tuple[Values, int | None]:
    least, most = integers.min(), integers.max()
    for width in (2, 4):
        kind = np.iinfo(_VALUES[width])
        if kind.min <= least and most <= kind.max:
            return integers.astype(_VALUES[width]), decimals
    return values, None


def _widened(column: bytes, rows: int, decimals: int | None) -> Floats:
    numbers = np.frombuffer(column, _VALUES[_width(column, rows)])
    return numbers if decimals is None else numbers / 10.0**decimals


def _width(column: bytes, rows: int) -> int:
    return len(column) // max(1, rows) or 8
