"""Reading back one device: what is in the journal and what is folded, as one."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry_svc.columns.frame import partition_of
from telemetry_svc.columns.merge import merge
from telemetry_svc.columns.rows import Rows
from telemetry_svc.columns.tally import Numbers
from telemetry_svc.history.segments import Segments
from telemetry_svc.ingest.journal import Journal

# Before any time that a device may send.
BEGINNING_MS = -(2**62)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a device measured at one time. `received_ms`: when the server had it, or UNKNOWN."""

    device_id: int
    time_ms: int
    metrics: dict[str, float]
    received_ms: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a device measured from `start_ms` on, for as long as a step, in numbers."""

    start_ms: int
    metrics: dict[str, Numbers]


@dataclass(frozen=True, slots=True)
class Span:
    """[start_ms, end_ms), and the metrics that count; none: all."""

    start_ms: int
    end_ms: int
    metrics: Collection[str]

    def of(self, rows: Rows, device_ids: Collection[int]) -> Rows | None:
        """The rows of these devices within the span that have a value that counts; None when there is none."""
        values = {
            metric: column for metric, column in rows.values.items() if not self.metrics or metric in self.metrics
        }
        mask = (rows.time_ms >= self.start_ms) & (rows.time_ms < self.end_ms)
        if not values or not mask.any():
            return None
        only = len(device_ids) == 1
        mask &= rows.device == next(iter(device_ids)) if only else np.isin(rows.device, list(device_ids))
        mask &= ~np.logical_and.reduce([np.isnan(column) for column in values.values()])
        return Rows(rows.device, rows.time_ms, values, rows.received_ms).take(mask) if mask.any() else None


class Readings:
    """A reading is there as soon as it is acknowledged, and never twice: the journal is read to its end first, and what
    a fold takes out of it meanwhile is found among the segments, which are read after it."""

    def __init__(self, journal: Journal, segments: Segments) -> None:
        self._journal = journal
        self._segments = segments

    async def newest_first(self, device_id: int, span: Span, size: int) -> list[Reading]:
        """At most `size` readings, newest first. Opens segments from the newest back, and no more than it needs."""
        waiting, _ = await self.waiting(partition_of(device_id), [device_id], span)
        return await self.page(device_id, span, size, waiting)

    async def page(self, device_id: int, span: Span, size: int, waiting: Sequence[Rows]) -> list[Reading]:
        """Likewise; `waiting`: what the journal had of it."""
        found: list[Reading] = []
        async for rows in self._pieces(device_id, span, waiting):
            for row in range(len(rows) - 1, max(-1, len(rows) - 1 - (size - len(found))), -1):
                values = {metric: float(column[row]) for metric, column in rows.values.items()}
                metrics = {metric: value for metric, value in values.items() if value == value}
                found.append(Reading(device_id, int(rows.time_ms[row]), metrics, int(rows.received_ms[row])))
            if len(found) == size:
                break
        return found

    async def buckets(self, device_id: int, span: Span, step_ms: int, size: int) -> list[Bucket]:
        """At most `size` buckets that have anything, newest first; they begin at multiples of the step since 1970."""
        waiting, _ = await self.waiting(partition_of(device_id), [device_id], span)
        found: dict[int, Bucket] = {}
        async for rows in self._pieces(device_id, span, waiting):
            # What comes is older with every piece: a bucket may go on in the next one.
            if len(found) > size:
                break
            for metric, column in rows.values.items():
                there = ~np.isnan(column)
                if there.any():
                    _count(found, metric, rows.time_ms[there] // step_ms * step_ms, column[there])
        return [found[start] for start in sorted(found, reverse=True)[:size]]

    async def waiting(self, partition: int, device_ids: Collection[int], span: Span) -> tuple[list[Rows], int]:
        """What the journal has of some devices of a partition, in the order in which it counts; and how many bytes were
        looked at for it."""
        found, looked_at = [], 0
        async for entries, size in self._journal.within(partition, device_ids, span.start_ms, span.end_ms - 1):
            looked_at += size
            for entry in entries:
                for frame in entry.frames:
                    rows = span.of(Rows.of(frame), device_ids)
                    if rows is not None:
                        found.append((entry.rank, rows))
        return [rows for _, rows in sorted(found, key=lambda piece: piece[0])], looked_at

    async def _pieces(self, device_id: int, span: Span, waiting: Sequence[Rows]) -> AsyncIterator[Rows]:
        """The device's rows, each time once and in order, in pieces that go back in time."""
        end_ms = span.end_ms
        async for segment in self._segments.newest_first(device_id, span.start_ms, span.end_ms - 1):
            beside = Span(segment.from_ms, end_ms, span.metrics)
            folded = span.of(segment.rows, [device_id])
            piece = _together(folded, waiting, beside, device_id)
            if piece is not None:
                yield piece
            end_ms = segment.from_ms
        piece = _together(None, waiting, Span(BEGINNING_MS, end_ms, span.metrics), device_id)
        if piece is not None:
            yield piece


def _together(folded: Rows | None, waiting: Iterable[Rows], span: Span, device_id: int) -> Rows | None:
    pieces = [piece for rows in waiting if (piece := span.of(rows, [device_id])) is not None]
    if folded is not None:
        # Of what was received in one moment, what is folded stays: it was shown already.
        pieces.insert(0, folded)
    return merge(pieces).rows if pieces else None


def _count(found: dict[int, Bucket], metric: str, starts: np.ndarray, values: np.ndarray) -> None:
    first = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    counts = np.diff(np.r_[first, len(starts)])
    least, most = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    columns = (column.tolist() for column in (starts[first], least, most, np.add.reduceat(values, first), counts))
    for start, *numbers in zip(*columns, strict=True):
        bucket = found.setdefault(start, Bucket(start, {}))
        bucket.metrics.setdefault(metric, Numbers()).add(*numbers)
