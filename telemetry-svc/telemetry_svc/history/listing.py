"""Reading back many devices: by device, and newest first."""

import math
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from telemetry_svc.columns.frame import PARTITIONS, Frame, Ids, partition_of
from telemetry_svc.ingest.journal import Entry

# Rows of the journal that are looked at for one page; what is not found by then is on the next one.
MOST_ROWS = 500_000


class Entries(Protocol):
    """Where readings are found."""

    def newest_first(self, partition: int, from_ms: int, to_ms: int) -> AsyncIterator[Entry]:
        """A partition's entries that reach into [from_ms, to_ms], those that reach furthest first."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """What a device measured at one time."""

    device_id: int
    time_ms: int
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Span:
    """[start_ms, end_ms), and the metrics that count; none: all."""

    start_ms: int
    end_ms: int
    metrics: Collection[str]


@dataclass(frozen=True, slots=True)
class Found:
    """Readings, and where to go on: with what this device measured before that time; None: there is nothing more."""

    readings: list[Measured]
    rest: tuple[int, int] | None


@dataclass(slots=True)
class _Budget:
    rows: int


class _Spent(Exception):
    """The page has cost enough. All that is as new as `complete_ms` was seen."""

    def __init__(self, complete_ms: int) -> None:
        self.complete_ms = complete_ms


class Listing:
    """Looks at one device first, then at twice as many each time: a page of few devices costs little, and what many
    share is read once for all of them."""

    def __init__(self, entries: Entries, most_rows: int = MOST_ROWS) -> None:
        self._entries = entries
        self._most_rows = most_rows

    async def page(self, devices: Ids, span: Span, size: int, first_end_ms: int) -> Found:
        """At most `size` readings of these devices (ascending), of the first one only what is before `first_end_ms`.

        When a page costs too much it ends early, with at least a step forward: it may be short, or empty.
        """
        budget, found, start, count = _Budget(self._most_rows), list[Measured](), 0, 1
        while start < len(devices):
            chunk = devices[start : start + count]
            end_ms = min(span.end_ms, first_end_ms) if start == 0 else span.end_ms
            part = Span(span.start_ms, end_ms, span.metrics)
            try:
                found += await self._read(chunk, part, size + 1 - len(found), budget)
            except _Spent as spent:
                if start:
                    return Found(found, (int(chunk[0]), span.end_ms))
                part = Span(max(span.start_ms, spent.complete_ms), end_ms, span.metrics)
                found = await self._read(chunk, part, size + 1, _Budget(2**62))
                if len(found) <= size:
                    return Found(found, (int(chunk[0]), spent.complete_ms))
            if len(found) > size:
                last = found[size - 1]
                return Found(found[:size], (last.device_id, last.time_ms))
            start, count = start + len(chunk), 2 * count
        return Found(found, None)

    async def _read(self, devices: Ids, span: Span, size: int, budget: _Budget) -> list[Measured]:
        pieces: list[tuple[tuple, Frame]] = []
        for partition in sorted({partition_of(device) for device in devices.tolist()}):
            mine = devices[devices % PARTITIONS == partition]
            seen: set[int] = set()
            newest_ms: int | None = None
            async for entry in self._entries.newest_first(partition, span.start_ms, span.end_ms - 1):
                if len(devices) == 1 and len(seen) >= size and entry.to_ms < sorted(seen, reverse=True)[size - 1]:
                    break
                newest_ms = min(entry.to_ms, span.end_ms - 1) if newest_ms is None else newest_ms
                if budget.rows <= 0 and min(entry.to_ms, span.end_ms - 1) < newest_ms:
                    raise _Spent(entry.to_ms + 1)
                for frame in entry.frames:
                    budget.rows -= len(frame)
                    rows = _rows(frame, mine, span)
                    if rows is not None:
                        pieces.append((entry.rank, rows))
                        seen.update(rows.time_ms.tolist() if len(devices) == 1 else ())
        return _first(pieces, span, size)


def _rows(frame: Frame, devices: Ids, span: Span) -> Frame | None:
    """The rows of these devices within the span that have a value that counts; None when there is none."""
    columns = [column for metric, column in frame.values.items() if not span.metrics or metric in span.metrics]
    mask = (frame.time_ms >= span.start_ms) & (frame.time_ms < span.end_ms) & np.isin(frame.device, devices)
    mask &= ~np.all(np.isnan(columns), axis=0) if columns else False
    return frame.take(mask) if mask.any() else None


def _first(pieces: Sequence[tuple[tuple, Frame]], span: Span, size: int) -> list[Measured]:
    """The first readings by device, newest first. Of cells that come again, the one of the smallest rank stays."""
    if not pieces:
        return []
    pieces = sorted(pieces, key=lambda piece: piece[0])
    device = np.concatenate([frame.device for _, frame in pieces])
    time_ms = np.concatenate([frame.time_ms for _, frame in pieces])
    piece = np.repeat(np.arange(len(pieces)), [len(frame) for _, frame in pieces])
    row = np.concatenate([np.arange(len(frame)) for _, frame in pieces])
    readings: list[Measured] = []
    for index in np.lexsort((-time_ms, device)).tolist():
        key = int(device[index]), int(time_ms[index])
        if not readings or (readings[-1].device_id, readings[-1].time_ms) != key:
            if len(readings) == size:
                break
            readings.append(Measured(*key, {}))
        for metric, column in pieces[piece[index]][1].values.items():
            value = float(column[row[index]])
            if not math.isnan(value) and (not span.metrics or metric in span.metrics):
                readings[-1].metrics.setdefault(metric, value)
    return [Measured(one.device_id, one.time_ms, dict(sorted(one.metrics.items()))) for one in readings]
