"""Reading back: one device's readings, newest first."""

from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from telemetry_svc.columns.frame import Frame, partition_of
from telemetry_svc.ingest.journal import Entry


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device measured at one time."""

    time_ms: int
    metrics: dict[str, float]


class Entries(Protocol):
    """Where readings are found."""

    def newest_first(self, partition: int, from_ms: int, to_ms: int) -> AsyncIterator[Entry]:
        """A partition's entries that reach into [from_ms, to_ms], those that reach furthest first."""
        ...


class _Cells:
    """The newest `size` readings so far. Of cells that come again, the one of the smallest rank stays."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._times: dict[int, dict[str, tuple[tuple, float]]] = {}

    def horizon(self) -> int | None:
        """The time before which nothing matters any more; None while there are too few readings."""
        return None if len(self._times) < self._size else min(self._newest())

    def put(self, time_ms: int, metric: str, value: float, rank: tuple) -> None:
        """Takes in a cell. In one entry the first of the same cells counts, as it does in the watch."""
        metrics = self._times.setdefault(time_ms, {})
        if metric not in metrics or rank < metrics[metric][0]:
            metrics[metric] = rank, value

    def readings(self) -> list[Reading]:
        """Newest first."""
        return [
            Reading(time, {metric: value for metric, (_, value) in sorted(self._times[time].items())})
            for time in self._newest()
        ]

    def _newest(self) -> list[int]:
        return sorted(self._times, reverse=True)[: self._size]


class Readings:
    """What the journal has of a device: a reading is there as soon as it is acknowledged."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    async def newest_first(
        self, device_id: int, *, start_ms: int, end_ms: int, metrics: Collection[str], size: int
    ) -> list[Reading]:
        """At most `size` readings of a device in [start_ms, end_ms), newest first.

        `metrics`: only these, and only readings that have one of them; none means all. Opens entries from the newest
        back, and stops when none of the others can hold anything that belongs among the found.
        """
        cells = _Cells(size)
        async for entry in self._entries.newest_first(partition_of(device_id), start_ms, end_ms - 1):
            horizon = cells.horizon()
            if horizon is not None and entry.to_ms < horizon:
                break
            for frame in entry.frames:
                for time_ms, metric, value in _cells_of(frame, device_id, max(start_ms, horizon or 0), end_ms, metrics):
                    cells.put(time_ms, metric, value, entry.rank)
        return cells.readings()


def _cells_of(
    frame: Frame, device_id: int, start_ms: int, end_ms: int, metrics: Collection[str]
) -> Iterator[tuple[int, str, float]]:
    mask = (frame.device == device_id) & (frame.time_ms >= start_ms) & (frame.time_ms < end_ms)
    if not mask.any():
        return
    rows = np.flatnonzero(mask)
    for metric, column in frame.values.items():
        if metrics and metric not in metrics:
            continue
        has = rows[~np.isnan(column[rows])]
        for time_ms, value in zip(frame.time_ms[has].tolist(), column[has].tolist(), strict=True):
            yield time_ms, metric, value
