"""How rows become segments: pure functions of columns."""

from collections.abc import Iterator, Sequence

import numpy as np

from telemetry_svc.columns.frame import Mask
from telemetry_svc.columns.rows import Rows
from telemetry_svc.history.segments import Segment

# The newest segment of a device takes rows until it has so many: fewer would be many documents, and more are a lot to
# write again for each few rows.
ENOUGH_ROWS = 256
# What comes in one piece makes longer ones: at most so many rows, and about a megabyte.
MOST_ROWS, MOST_CELLS = 10_000, 131_072


def lay_out(rows: Rows, news: Mask, known: Sequence[Segment]) -> Iterator[Segment]:
    """The segments to be written, of merged rows (by device and time) in which the rows of the `known` segments are;
    `news`: the rows that are not in them as they are here.

    A device's known segments must be all that its news fall into, and its newest one if there are later rows.
    Segments to which nothing came are not given again.
    """
    by_device: dict[int, list[Segment]] = {}
    for segment in known:
        by_device.setdefault(segment.device_id, []).append(segment)
    starts = np.flatnonzero(np.diff(rows.device, prepend=-1))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        device_id = int(rows.device[start])
        yield from _of_device(device_id, rows, news, start, end, by_device.get(device_id, []))


def _of_device(device_id: int, rows: Rows, news: Mask, start: int, end: int, known: list[Segment]) -> Iterator[Segment]:
    known.sort(key=lambda segment: segment.from_ms)
    times = rows.time_ms[start:end]
    # Where each segment's rows begin; what is before all of them, and what is behind a full one, begins a new one.
    cuts = [(start + int(np.searchsorted(times, segment.from_ms)), segment.from_ms) for segment in known]
    if not cuts or cuts[0][0] > start:
        cuts.insert(0, (start, int(times[0])))
    if known and len(known[-1].rows) >= ENOUGH_ROWS:
        behind = start + int(np.searchsorted(times, known[-1].to_ms, side="right"))
        if behind < end:
            cuts.append((behind, int(rows.time_ms[behind])))
    for (first, from_ms), last in zip(cuts, [*[at for at, _ in cuts[1:]], end], strict=True):
        if first < last and news[first:last].any():
            yield from _pieces(device_id, from_ms, rows.take(slice(first, last)))


def _pieces(device_id: int, from_ms: int, rows: Rows) -> Iterator[Segment]:
    most = max(1, min(MOST_ROWS, MOST_CELLS // (1 + len(rows.values))))
    for first in range(0, len(rows), most):
        piece = rows.take(slice(first, first + most))
        yield Segment(device_id, int(piece.time_ms[0]) if first else from_ms, piece)
