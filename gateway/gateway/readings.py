"""Readings on their way to a screen, where one a second is plenty."""

import asyncio
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from fieldstock.telemetry.v1 import events_pb2, reading_pb2
from gateway.frames import as_rest, frame


@dataclass(slots=True)
class Reading:
    """What a device measured; `time_ms` since 1970."""

    device_id: int
    time_ms: int
    metrics: dict[str, float]

    def merge(self, other: "Reading") -> None:
        """Takes over what `other` knows better: the newer value of each metric, and the newer time."""
        if other.time_ms >= self.time_ms:
            self.time_ms = other.time_ms
            self.metrics |= other.metrics
        else:
            self.metrics = other.metrics | self.metrics

    def frame(self) -> bytes:
        """The event `reading`, in REST's words."""
        message = reading_pb2.Reading(device_id=self.device_id, metrics=self.metrics)
        message.time.FromMilliseconds(self.time_ms)
        return frame("reading", as_rest(message))


def readings_of(devices: Collection[int], batch: events_pb2.LatestReadings) -> Iterator[Reading]:
    """The rows of some devices. The others', which may be millions, become no Python objects of their own.

    Raises ValueError for columns of different length.
    """
    rows = len(batch.device_id)
    if len(batch.time_ms) != rows or any(len(series.values) != rows for series in batch.series):
        raise ValueError("columns of different length")
    for row, device_id in enumerate(batch.device_id):
        if device_id in devices:
            cells = ((series.metric, series.values[row]) for series in batch.series)
            metrics = {metric: value for metric, value in cells if not math.isnan(value)}
            if metrics:
                yield Reading(device_id, batch.time_ms[row], metrics)


class Pace:
    """Lets one reading of a device through, then holds what comes until `seconds` have passed, merged into one."""

    def __init__(self, seconds: float, send: Callable[[Reading], None]) -> None:
        self._seconds = seconds
        self._send = send
        # Devices that spoke within the last `seconds`, and what they said since.
        self._resting: dict[int, Reading | None] = {}

    def take(self, reading: Reading) -> None:
        """Sends the reading, or holds it."""
        device_id = reading.device_id
        if device_id not in self._resting:
            self._let_through(reading)
        elif held := self._resting[device_id]:
            held.merge(reading)
        else:
            self._resting[device_id] = reading

    def _let_through(self, reading: Reading) -> None:
        self._resting[reading.device_id] = None
        asyncio.get_running_loop().call_later(self._seconds, self._rested, reading.device_id)
        self._send(reading)

    def _rested(self, device_id: int) -> None:
        held = self._resting.pop(device_id)
        if held:
            self._let_through(held)
