"""Readings from several places as one: each cell once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import Floats, Ints, Mask
from telemetry_svc.columns.rows import Rows


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows by device and time, each pair once, received when the first of their cells was.

    `fresh`: by metric, the cells that were not there before; `news`: the rows that are not as they were before.
    `repeated` cells came again, and were dropped; `conflicting` of them with another value.
    """

    rows: Rows
    fresh: Mapping[str, Mask]
    news: Mask
    repeated: int
    conflicting: int


def merge(pieces: Sequence[Rows], old: int = 0) -> Merged:
    """Merges rows of any metrics. Of cells (device, time, metric) that come again the one that was received first
    stays; of those of one moment, the one of the first piece.

    The first `old` pieces are what there was before, each cell once. There must be a piece.
    """
    lengths = [len(piece) for piece in pieces]
    device = np.concatenate([piece.device for piece in pieces])
    time_ms = np.concatenate([piece.time_ms for piece in pieces])
    received_ms = np.concatenate([piece.received_ms for piece in pieces])
    order = np.lexsort((time_ms, device))
    device, time_ms = device[order], time_ms[order]
    new = np.ones(len(order), bool)
    new[1:] = (device[1:] != device[:-1]) | (time_ms[1:] != time_ms[:-1])
    starts = None if new.all() else np.flatnonzero(new)
    if starts is not None:
        _by_receipt(order, received_ms, new)
    received_ms, came = received_ms[order], order >= sum(lengths[:old])
    # A cell that takes another's place was received before it, and then so was its row.
    news = came if starts is None else came[starts]
    values: dict[str, Floats] = {}
    fresh: dict[str, Mask] = {}
    repeated = conflicting = 0
    for metric in _metrics(pieces):
        column = _column(pieces, metric, lengths)[order]
        if starts is None:
            values[metric], fresh[metric] = column, came & ~np.isnan(column)
        else:
            values[metric], fresh[metric], cells, others = _first(column, starts, came)
            repeated += cells
            conflicting += others
        news = news | fresh[metric]
    if starts is not None:
        device, time_ms, received_ms = device[starts], time_ms[starts], received_ms[starts]
    return Merged(Rows(device, time_ms, values, received_ms), fresh, news, repeated, conflicting)


def _by_receipt(order: NDArray[np.intp], received_ms: Ints, new: Mask) -> None:
    """Orders the rows of each run, which begins where `new` is; those of one moment stay as they are."""
    # Few rows come again, mostly: the others need not be looked at.
    several = ~new
    several[:-1] |= ~new[1:]
    rows, runs = order[several], np.cumsum(new)[several]
    order[several] = rows[np.lexsort((received_ms[rows], runs))]


def _metrics(pieces: Iterable[Rows]) -> list[str]:
    return sorted({metric for piece in pieces for metric in piece.values})


def _column(pieces: Sequence[Rows], metric: str, lengths: Sequence[int]) -> Floats:
    columns = [
        piece.values[metric] if metric in piece.values else np.full(length, np.nan)
        for piece, length in zip(pieces, lengths, strict=True)
    ]
    return np.concatenate(columns)


def _first(column: Floats, starts: NDArray[np.intp], came: Mask) -> tuple[Floats, Mask, int, int]:
    """Of each run of rows the first value that is one, and whether all of its values came; how many more there were in
    all runs, and how many others."""
    length = len(column)
    there = ~np.isnan(column)
    # A run without any gives `length`: what stands there is no value.
    at = np.minimum.reduceat(np.where(there, np.arange(length), length), starts)
    chosen = np.append(column, np.nan)[at]
    fresh = (at < length) & ~np.logical_or.reduceat(there & ~came, starts)
    runs = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, length]))
    surplus = there.copy()
    surplus[at[at < length]] = False
    return chosen, fresh, int(surplus.sum()), int((surplus & (column != chosen[runs])).sum())
