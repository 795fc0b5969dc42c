"""Readings as columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PARTITIONS = 64
# Rows of one device are taken together where there are so many in a row, in the mean.
RUN = 4

# Little-endian wherever it is written: a journal may be read on another machine.
DEVICE, TIME, VALUE = np.dtype("<i4"), np.dtype("<i8"), np.dtype("<f8")


def partition_of(device_id: int) -> int:
    """The partition that a device belongs to, for good."""
    return device_id % PARTITIONS


@dataclass(frozen=True, slots=True)
class Frame:
    """Readings of one set of metrics: row i is the i-th entry of every column.

    `device` int32[n]; `time_ms` int64[n], by the device's clock; `values` float64[n] for each metric, NaN where a row
    has none; `received_ms`: when the server had them, one for all rows. Milliseconds since 1970.
    """

    device: Ids
    time_ms: Ints
    values: Mapping[str, Floats]
    received_ms: int

    def __len__(self) -> int:
        return len(self.device)

    def take(self, rows: Mask | NDArray[np.intp] | slice) -> "Frame":
        """The frame of some rows: a mask, indices, or a slice (then without copying)."""
        values = {metric: column[rows] for metric, column in self.values.items()}
        return Frame(self.device[rows], self.time_ms[rows], values, self.received_ms)

    def runs(self) -> NDArray[np.intp] | None:
        """Where each run of rows of one device begins, where they are long and each is in the order of its times, every
        time once; None: they are not."""
        same = self.device[1:] == self.device[:-1]
        starts = np.flatnonzero(np.concatenate([[True], ~same]))
        if RUN * len(starts) >= len(self) or (same & (self.time_ms[1:] <= self.time_ms[:-1])).any():
            return None
        return starts
