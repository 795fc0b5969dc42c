"""The readings that are measured with, the same for every side: who sends them, in what portions, with what values."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

METRICS = ("temperature", "humidity", "load")
# A device's clock from one of its readings to the next. Under load it runs faster than ours, so it starts in the past.
STEP_MS = 10
STARTS_MS_AGO = 12 * 3600 * 1000
# As on a sensor: two digits and a tenth, so that every reading is as long as the others wherever it is written as text.
LOWEST, HIGHEST, MEAN, SPREAD = 10.0, 99.9, 40.0, 8.0
# So many different messages, so that no side may store the same bytes again and again.
VARIANTS = 101


@dataclass(frozen=True)
class Shape:
    """Messages of `rows` readings of `devices` devices (each has as many), a fleet of `fleet`, sent over `streams`."""

    name: str
    fleet: int
    rows: int
    devices: int
    streams: int

    @cached_property
    def each(self) -> int:
        """Readings of one device in a message."""
        return self.rows // self.devices

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """[variant, metric, row]: what messages say; the n-th of a sender's groups says variant n, next time n + 1."""
        drawn = np.random.default_rng(7).normal(MEAN, SPREAD, (VARIANTS, len(METRICS), self.rows))
        return drawn.clip(LOWEST, HIGHEST).round(1)

    def times(self, start_ms: int, message: int, messages: int = 1) -> NDArray[np.int64]:
        """[message, each]: when the devices measured, in some messages of theirs from the `message`-th on."""
        return start_ms + (message * self.each + np.arange(messages * self.each)).reshape(messages, -1) * STEP_MS

    def groups(self, ids: range, sender: int, senders: int) -> list[range]:
        """The devices of each message that one of several senders sends in turn."""
        share = len(ids) // senders
        own = ids[sender * share : (sender + 1) * share]
        return [own[i : i + self.devices] for i in range(0, len(own) - self.devices + 1, self.devices)]


BATCH100 = Shape("batch100", fleet=1_000, rows=100, devices=1, streams=100)
GATEWAY100 = Shape("gateway100", fleet=100_000, rows=100, devices=100, streams=10)
SINGLE = Shape("single", fleet=200, rows=1, devices=1, streams=200)
