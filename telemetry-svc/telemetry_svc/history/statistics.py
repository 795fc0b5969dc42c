"""What was measured, in numbers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from telemetry_svc.columns.frame import PARTITIONS, Floats, Ids, Ints, Mask
from telemetry_svc.ingest.journal import Entry

# Beyond that the answer would take longer than anybody waits, and hold up everybody else's.
MOST_READINGS = 2_000_000


class TooMany(Exception):
    """The window holds more rows than are counted at once."""


class Entries(Protocol):
    """Where readings are found."""

    def newest_first(self, partition: int, from_ms: int, to_ms: int) -> AsyncIterator[Entry]:
        """A partition's entries that reach into [from_ms, to_ms], those that reach furthest first."""
        ...


@dataclass(slots=True)
class Numbers:
    """Of one metric's values: the smallest, the greatest, their sum and number."""

    least: float = float("inf")
    most: float = float("-inf")
    total: float = 0.0
    count: int = 0

    def add(self, values: Floats) -> None:
        """Counts values in; there must be some."""
        self.least = min(self.least, float(values.min()))
        self.most = max(self.most, float(values.max()))
        self.total += float(values.sum())
        self.count += len(values)


class Statistics:
    """Counts what the journal has, cell by cell: one that came again counts once, with the value that reads show."""

    def __init__(self, entries: Entries, most: int = MOST_READINGS) -> None:
        self._entries = entries
        self._most = most

    async def of(self, devices: Mask, start_ms: int, end_ms: int) -> dict[str, Numbers]:
        """Each metric's numbers in [start_ms, end_ms), of the devices whose ids the mask has. Raises TooMany."""
        numbers: dict[str, Numbers] = {}
        left = self._most
        for partition in range(PARTITIONS):
            entries: list[Entry] = []
            async for entry in self._entries.newest_first(partition, start_ms, end_ms - 1):
                entries.append(entry)
                left -= sum(map(len, entry.frames))
                if left < 0:
                    raise TooMany
            for metric, values in _cells(entries, devices, start_ms, end_ms):
                numbers.setdefault(metric, Numbers()).add(values)
        return numbers


def _cells(entries: list[Entry], devices: Mask, start_ms: int, end_ms: int) -> list[tuple[str, Floats]]:
    """Each metric's values, one for each cell: in the order of rank the first one of a cell is the one there is."""
    pieces: dict[str, list[tuple[Ids, Ints, Floats]]] = {}
    for entry in sorted(entries, key=lambda entry: entry.rank):
        for frame in entry.frames:
            within = (frame.time_ms >= start_ms) & (frame.time_ms < end_ms) & (frame.device < len(devices))
            within[within] = devices[frame.device[within]]
            for metric, column in frame.values.items():
                rows = within & ~np.isnan(column)
                if rows.any():
                    pieces.setdefault(metric, []).append((frame.device[rows], frame.time_ms[rows], column[rows]))
    found: list[tuple[str, Floats]] = []
    for metric, columns in pieces.items():
        device, time_ms, values = (np.concatenate(column) for column in zip(*columns, strict=True))
        order = np.lexsort((time_ms, device))  # stable: of equal cells the first by rank comes first
        new = (np.diff(device[order], prepend=-1) != 0) | (np.diff(time_ms[order], prepend=-1) != 0)
        found.append((metric, values[order[new]]))
    return found
