"""Columns as few bytes: integers by how far they lie from a line, floats as the decimals that a sensor has.

Frame of reference with delta encoding, as in D. Lemire and L. Boytsov, "Decoding billions of integers per second
through vectorization", 2015, with whole bytes for a width; decimals as in ALP (A. Afroozeh, L. Kuffó, P. Boncz, 2023):
a float that is a short decimal is kept as an integer and an exponent, and comes back bit by bit.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import Floats, Ints, Mask

Rows = NDArray[np.intp]

# Values, or their differences, above a base; a byte that says which, then width, base and first.
_PLAIN, _DELTAS = 0, 1
_HEAD = struct.Struct("<BBqq")
_WIDTHS = {0: np.dtype("u1"), 1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<u8")}
# Spans up to each of these take so many bytes, and greater ones the last.
_ENDS, _STEPS = np.array([0, (1 << 8) - 1, (1 << 16) - 1, (1 << 32) - 1]), np.array([0, 1, 2, 4, 8])
# How floats are kept: as they are, or as integers of this many decimals.
_RAW, MOST_DECIMALS = 255, 6
_EXACT = 2.0**53
_ALL_THERE, _SOME_MISSING = 0, 1


def pack_ints(values: Ints, starts: Rows) -> list[bytes]:
    """Integers none further than 2**62 from 0, in runs: a run begins at each of `starts`, the first at 0, and has at
    least one. All runs are looked at at once, because numpy takes its time for a call and next to none for a value.
    """
    lengths = _lengths(starts, len(values))
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    # A run's first step is from the run before it: the second one stands in for it.
    steps = np.diff(values, prepend=values[:1])
    steps[starts] = np.where(lengths > 1, steps[np.minimum(starts + 1, len(values) - 1)], 0)
    least = np.minimum.reduceat(steps, starts)
    plain, narrow = _widths(high - low), _widths(np.maximum.reduceat(steps, starts) - least)
    by_steps = (narrow < plain) & (lengths > 1)
    width, base = np.where(by_steps, narrow, plain), np.where(by_steps, least, low)
    rest = np.where(np.repeat(by_steps, lengths), steps, values) - np.repeat(base, lengths)
    # Runs of another width are garbage here, and are not looked at.
    written = {one: rest.astype(_WIDTHS[one]) for one in np.unique(width).tolist()}
    columns = (by_steps, width, base, values[starts], starts + by_steps, starts + lengths)
    return [
        _HEAD.pack(kind, wide, above, first) + (written[wide][start:end].tobytes() if wide else b"")
        for kind, wide, above, first, start, end in zip(*(column.tolist() for column in columns), strict=True)
    ]


def unpack_ints(packed: bytes | memoryview, count: int) -> Ints:
    """The `count` integers of one run."""
    kind, width, base, first = _HEAD.unpack_from(packed)
    length = count - 1 if kind == _DELTAS else count
    if width:
        rest = np.frombuffer(packed, _WIDTHS[width], length, _HEAD.size).astype(np.int64) + base
    else:
        rest = np.full(length, base, np.int64)
    if kind == _PLAIN:
        return rest
    values = np.empty(count, np.int64)
    values[0] = first
    np.cumsum(rest, out=values[1:])
    values[1:] += first
    return values


def _widths(spans: Ints) -> Ints:
    """Bytes for the integers from 0 to each of these."""
    return _STEPS[np.searchsorted(_ENDS, spans)]


def _lengths(starts: Rows, length: int) -> Rows:
    return np.diff(starts, append=length)


def pack_floats(values: Floats, starts: Rows) -> list[bytes]:
    """Any floats, in runs as `pack_ints` has them; NaN is a gap, whatever its bits."""
    there = ~np.isnan(values)
    if there.all():
        return [bytes([_ALL_THERE]) + packed for packed in _pack_present(values, starts)]
    counts = np.add.reduceat(there, starts, dtype=np.int64)
    some = counts > 0
    # Of the runs with a value, where they begin among the values.
    packed = iter(_pack_present(values[there], (np.cumsum(counts) - counts)[some]) if some.any() else [])
    runs = zip(starts.tolist(), _lengths(starts, len(values)).tolist(), counts.tolist(), strict=True)
    return [
        _gaps(there[start : start + length], count) + (next(packed) if count else b"") for start, length, count in runs
    ]


def _gaps(there: Mask, count: int) -> bytes:
    return bytes([_ALL_THERE]) if count == len(there) else bytes([_SOME_MISSING]) + np.packbits(there).tobytes()


def _pack_present(values: Floats, starts: Rows) -> list[bytes]:
    lengths = _lengths(starts, len(values))
    decimals, integers = _decimals(values, starts, lengths)
    short = decimals != _RAW
    whole = short.all()
    chosen = slice(None) if whole else np.repeat(short, lengths)
    # The runs of integers lie end to end.
    firsts = starts if whole else (np.cumsum(lengths * short) - lengths)[short]
    packed = iter(pack_ints(integers[chosen], firsts) if short.any() else [])
    runs = zip(decimals.tolist(), starts.tolist(), (starts + lengths).tolist(), strict=True)
    return [
        bytes([_RAW]) + values[start:end].astype("<f8", copy=False).tobytes()
        if places == _RAW
        else bytes([places]) + next(packed)
        for places, start, end in runs
    ]


def unpack_floats(packed: bytes, count: int) -> Floats:
    """The `count` floats of one run."""
    view, there = memoryview(packed)[1:], None
    if packed[0] == _SOME_MISSING:
        mask = -(-count // 8)
        there = np.unpackbits(np.frombuffer(view, np.uint8, mask), count=count).astype(bool)
        view = view[mask:]
    number = count if there is None else int(there.sum())
    values = _unpack_present(view, number) if number else np.empty(0)
    if there is None:
        return values
    whole = np.full(count, np.nan)
    whole[there] = values
    return whole


def _unpack_present(packed: memoryview, count: int) -> Floats:
    if packed[0] == _RAW:
        return np.frombuffer(packed, "<f8", count, 1).astype(np.float64)
    return unpack_ints(packed[1:], count) / 10.0 ** packed[0]


def _decimals(values: Floats, starts: Rows, lengths: Rows) -> tuple[NDArray[np.uint8], Ints]:
    """How many decimals the values of each run have, _RAW: too many, or too great; and the integers that they are then,
    anything where they are not."""
    found = np.full(len(starts), _RAW, np.uint8)
    integers = np.zeros(len(values), np.int64)
    some = np.stack([starts, starts + lengths // 2, starts + lengths - 1])
    for decimals in range(MOST_DECIMALS + 1):
        # Three of a run's values say mostly that it has more; then the others need not be looked at.
        if not (exactly(values[some], decimals)[0].all(axis=0) & (found == _RAW)).any():
            continue
        exact, scaled = exactly(values, decimals)
        new = np.logical_and.reduceat(exact, starts) & (found == _RAW)
        if new.any():
            found[new] = decimals
            rows = slice(None) if new.all() else np.repeat(new, lengths)
            integers[rows] = scaled[rows].astype(np.int64)
        if (found != _RAW).all():
            break
    return found, integers


def exactly(values: Floats, decimals: int) -> tuple[Mask, Floats]:
    """Which values have no more decimals, and how many units of the last one each is."""
    scale = 10.0**decimals
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * scale)
    # Bits, not numbers: -0.0 is another one than 0.0, and has no integer.
    exact = (scaled / scale).view(np.int64) == values.view(np.int64)
    return exact & (np.abs(scaled) < _EXACT) & ~((scaled == 0) & np.signbit(scaled)), scaled
