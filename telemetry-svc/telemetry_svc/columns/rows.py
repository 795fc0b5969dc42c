"""Readings that came at different times, as columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import Floats, Frame, Ids, Ints, Mask

# Nobody has noted when the server had it. Before every other time: such a row was there first.
UNKNOWN = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings from anywhere: row i is the i-th entry of every column.

    `device` int32[n]; `time_ms` int64[n], by the device's clock; `values` float64[n] for each metric, NaN where a row
    has none; `received_ms` int64[n]: when the server had it, UNKNOWN in old data. Milliseconds since 1970.
    """

    device: Ids
    time_ms: Ints
    values: Mapping[str, Floats]
    received_ms: Ints

    @classmethod
    def of(cls, frame: Frame) -> Self:
        """Those of a frame; without copying."""
        received_ms = np.broadcast_to(np.int64(frame.received_ms), len(frame))
        return cls(frame.device, frame.time_ms, frame.values, received_ms)

    def __len__(self) -> int:
        return len(self.device)

    def take(self, rows: Mask | NDArray[np.intp] | slice) -> "Rows":
        """Some of them: a mask, indices, or a slice (then without copying)."""
        values = {metric: column[rows] for metric, column in self.values.items()}
        return Rows(self.device[rows], self.time_ms[rows], values, self.received_ms[rows])
