"""Readings from several places as one frame: each cell once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import Floats, Frame, Mask


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows by device and time, each pair once. `fresh`: by metric, which cells came from behind the first frames.

    `repeated` cells came again, and were dropped; `conflicting` of them with another value.
    """

    frame: Frame
    fresh: Mapping[str, Mask]
    repeated: int
    conflicting: int


def merge(frames: Sequence[Frame], old: int = 0) -> Merged:
    """Merges frames of any metrics; of cells (device, time, metric) that come again the first one stays.

    The first `old` of the frames are what there was before: their cells are not fresh. There must be a frame.
    """
    lengths = [len(frame) for frame in frames]
    device = np.concatenate([frame.device for frame in frames])
    time_ms = np.concatenate([frame.time_ms for frame in frames])
    # Rows before this one are old. The sort is stable, so of equal rows the first in `frames` comes first.
    border = sum(lengths[:old])
    order = np.lexsort((time_ms, device))
    device, time_ms = device[order], time_ms[order]
    new = np.ones(len(order), bool)
    new[1:] = (device[1:] != device[:-1]) | (time_ms[1:] != time_ms[:-1])
    starts = None if new.all() else np.flatnonzero(new)
    values: dict[str, Floats] = {}
    fresh: dict[str, Mask] = {}
    repeated = conflicting = 0
    for metric in _metrics(frames):
        column = _column(frames, metric, lengths)[order]
        if starts is None:
            chosen, source = column, order
        else:
            chosen, source, cells, others = _first(column, starts, order)
            repeated += cells
            conflicting += others
        values[metric] = chosen
        fresh[metric] = (source >= border) & ~np.isnan(chosen)
    if starts is not None:
        device, time_ms = device[starts], time_ms[starts]
    return Merged(
        Frame(device, time_ms, values, max(frame.received_ms for frame in frames)), fresh, repeated, conflicting
    )


def _metrics(frames: Iterable[Frame]) -> list[str]:
    return sorted({metric for frame in frames for metric in frame.values})


def _column(frames: Sequence[Frame], metric: str, lengths: Sequence[int]) -> Floats:
    pieces = [
        frame.values[metric] if metric in frame.values else np.full(length, np.nan)
        for frame, length in zip(frames, lengths, strict=True)
    ]
    return np.concatenate(pieces)


def _first(
    column: Floats, starts: NDArray[np.intp], order: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.intp], int, int]:
    """Of each run of rows the first value that is one, where it came from, and how many more there were, and others."""
    length = len(column)
    there = ~np.isnan(column)
    # A run without any gives `length`: what stands there is no value.
    at = np.minimum.reduceat(np.where(there, np.arange(length), length), starts)
    chosen = np.append(column, np.nan)[at]
    runs = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, length]))
    surplus = there.copy()
    surplus[at[at < length]] = False
    return (
        chosen,
        order[np.minimum(at, length - 1)],
        int(surplus.sum()),
        int((surplus & (column != chosen[runs])).sum()),
    )
