"""Columns as few bytes: integers by how far they lie from a line, floats as the decimals that a sensor has.

Frame of reference with delta encoding, as in D. Lemire and L. Boytsov, "Decoding billions of integers per second
through vectorization", 2015, with whole bytes for a width; decimals as in ALP (A. Afroozeh, L. Kuffó, P. Boncz, 2023):
a float that is a short decimal is kept as an integer and an exponent, and comes back bit by bit.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import Floats, Ints

# Values, or their differences, above a base; a byte that says which, then width, base and first.
_PLAIN, _DELTAS = 0, 1
_HEAD = struct.Struct("<BBqq")
_WIDTHS = {0: np.dtype("u1"), 1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<u8")}
# How floats are kept: as they are, or as integers of this many decimals.
_RAW, MOST_DECIMALS = 255, 6
_EXACT = 2.0**53
_ALL_THERE, _SOME_MISSING = 0, 1


def pack_ints(values: Ints) -> bytes:
    """At least one integer, none further than 2**62 from 0."""
    low, high = int(values.min()), int(values.max())
    kind, base, rest = _PLAIN, low, values
    width = _width(high - low)
    if width > 0 and len(values) > 1:
        steps = np.diff(values)
        least = int(steps.min())
        narrow = _width(int(steps.max()) - least)
        if narrow < width:
            kind, base, rest, width = _DELTAS, least, steps, narrow
    head = _HEAD.pack(kind, width, base, int(values[0]))
    return head if width == 0 else head + (rest - base).astype(_WIDTHS[width]).tobytes()


def unpack_ints(packed: bytes | memoryview, count: int) -> Ints:
    """`count` integers, as they were packed."""
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


def _width(span: int) -> int:
    """Bytes for the integers from 0 to `span`."""
    return 0 if span == 0 else 1 if span < 1 << 8 else 2 if span < 1 << 16 else 4 if span < 1 << 32 else 8


def pack_floats(values: Floats) -> bytes:
    """Any floats; NaN is a gap, whatever its bits."""
    there = ~np.isnan(values)
    head = bytes([_ALL_THERE])
    if not there.all():
        head = bytes([_SOME_MISSING]) + np.packbits(there).tobytes()
        values = values[there]
    if not len(values):
        return head
    decimals, integers = _decimals(values)
    if integers is None:
        return head + bytes([_RAW]) + values.astype("<f8", copy=False).tobytes()
    return head + bytes([decimals]) + pack_ints(integers)


def unpack_floats(packed: bytes, count: int) -> Floats:
    """`count` floats, as they were packed."""
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


def _decimals(values: Floats) -> tuple[int, NDArray[np.int64] | None]:
    """How many decimals the values have, and the integers that they are then; None: too many, or too great."""
    for decimals in range(MOST_DECIMALS + 1):
        scale = 10.0**decimals
        scaled = np.rint(values * scale)
        if not np.abs(scaled).max() < _EXACT:
            break
        # Bits, not numbers: -0.0 is another one than 0.0.
        if np.array_equal((scaled / scale).view(np.int64), values.view(np.int64)):
            integers = scaled.astype(np.int64)
            if not (integers == 0).any() or not np.signbit(values[integers == 0]).any():
                return decimals, integers
            break
    return 0, None
