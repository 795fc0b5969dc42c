"""How far the devices' clocks are from the server's, as columns indexed by device id."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import DEVICE, TIME, VALUE, Floats, Ids, Ints

# After that long, two thirds of what an older message said has given way to what the newer ones say.
MEMORY_MS = 300_000


class Clocks:
    """The moment when a message was sent, by its sender's clock, less that of its receipt is the skew less the time on
    its way, which is never negative. So of what was heard lately the largest is nearest to the truth.

    A larger one is believed at once; a smaller one may only have waited somewhere, and is believed as fast as
    `MEMORY_MS` passes. How old the readings in a message are does not matter: a spool that is drained is no skew.
    """

    def __init__(self, capacity: int) -> None:
        # Milliseconds that a device's clock is ahead; as of when that was heard, by the server's clock; 0: never.
        self.ahead_ms: Floats = np.zeros(capacity)
        self.heard_ms: Ints = np.zeros(capacity, np.int64)
        self._sample: Floats = np.zeros(capacity)

    def hear(self, device: Ids, ahead_ms: Ints, received_ms: int) -> None:
        """Takes in messages of these devices, all received at one time; older ones than the last change nothing."""
        news = received_ms >= self.heard_ms[device]
        device, ahead_ms = device[news], ahead_ms[news]
        self._sample[device] = -np.inf
        np.maximum.at(self._sample, device, ahead_ms.astype(np.float64))
        # From here on the rows of a device say the same, and it does not matter which of them is kept.
        sample, before_ms = self._sample[device], self.heard_ms[device]
        known = np.where(before_ms > 0, self.ahead_ms[device], sample)
        kept = np.exp((before_ms - received_ms) / MEMORY_MS)
        self.ahead_ms[device] = np.maximum(sample, sample + (known - sample) * kept)
        self.heard_ms[device] = received_ms

    @staticmethod
    def from_binary(columns: Mapping[str, Any]) -> tuple[Ids, Floats, Ints]:
        """What `to_binary` gave, as `restore` takes it."""
        return (
            np.frombuffer(columns["device"], DEVICE),
            np.frombuffer(columns["ahead_ms"], VALUE),
            np.frombuffer(columns["heard_ms"], TIME),
        )

    def restore(self, device: Ids, ahead_ms: Floats, heard_ms: Ints) -> None:
        """Takes in what was known elsewhere, or before, where it is the newer. Each device once."""
        news = heard_ms > self.heard_ms[device]
        self.ahead_ms[device[news]], self.heard_ms[device[news]] = ahead_ms[news], heard_ms[news]

    def to_binary(self, devices: Ids | NDArray[np.intp]) -> dict[str, Any]:
        """What is known of these devices, as little-endian bytes."""
        return {
            "device": devices.astype(DEVICE).tobytes(),
            "ahead_ms": self.ahead_ms[devices].astype(VALUE).tobytes(),
            "heard_ms": self.heard_ms[devices].astype(TIME).tobytes(),
        }

    def forget(self, devices: slice) -> None:
        """Nothing was ever heard of these."""
        self.ahead_ms[devices], self.heard_ms[devices] = 0.0, 0

    def grow(self, capacity: int) -> None:
        """Makes room for ids up to there."""
        for name in ("ahead_ms", "heard_ms", "_sample"):
            column = getattr(self, name)
            grown = np.zeros(capacity, column.dtype)
            grown[: len(column)] = column
            setattr(self, name, grown)
