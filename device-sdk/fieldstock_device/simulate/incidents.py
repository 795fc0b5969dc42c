"""What goes wrong with a device, and when. Pure: elapsed time and chance are passed in."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

_RISE_S = 5.0


class Silence(Enum):
    """Why nothing comes from a device."""

    NO_POWER = auto()
    """It measures nothing."""

    NO_NETWORK = auto()
    """It goes on measuring, and delivers afterwards."""


@dataclass(frozen=True, slots=True)
class Spike:
    """A metric leaves its course; times in seconds since the start."""

    metric: str
    start: float
    end: float

    def push(self, elapsed: float) -> float:
        """How far, from 0 to 1: a quick rise, a plateau, and the last third back."""
        if not self.start <= elapsed < self.end:
            return 0.0
        fall = (self.end - self.start) / 3
        return min(1.0, (elapsed - self.start) / _RISE_S, (self.end - elapsed) / fall)


@dataclass(frozen=True, slots=True)
class Outage:
    """A device is not heard of; times in seconds since the start."""

    silence: Silence
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How often things go wrong with one device, on average, in seconds; and what is sure to happen first."""

    spike_every: float
    outage_every: float
    first_spike: Spike | None = None
    first_outage: Outage | None = None


def plan(index: int, devices: int) -> Plan:
    """What is in store for the device at `index` of so many.

    A large fleet has a spike every 20 seconds and an outage every minute and a half on average; a small one has fewer,
    for no device should do nothing else. Device 0 overheats and device 1 falls silent within the first minute, so that
    whoever watches need not wait for chance.
    """
    return Plan(
        spike_every=max(1200.0, devices * 20.0),
        outage_every=max(3600.0, devices * 90.0),
        first_spike=Spike("temperature", 20.0, 80.0) if index == 0 else None,
        first_outage=Outage(Silence.NO_POWER, 40.0, 190.0) if index == 1 else None,
    )


class Incidents:
    """One device's bad luck, drawn as time goes by. Ask with times that do not go back."""

    def __init__(self, plan: Plan, metrics: Sequence[str], rng: random.Random) -> None:
        """`metrics` are those that can spike."""
        self._plan = plan
        self._metrics = metrics
        self._rng = rng
        self._spike = plan.first_spike or self._next_spike(0.0)
        self._outage = plan.first_outage or self._next_outage(0.0)

    def spike(self, elapsed: float) -> Spike | None:
        """The spike that is going on."""
        while self._spike.end <= elapsed:
            self._spike = self._next_spike(self._spike.end)
        return self._spike if self._spike.start <= elapsed else None

    def silence(self, elapsed: float) -> Silence | None:
        """Why nothing can come from the device now; None: it can."""
        while self._outage.end <= elapsed:
            self._outage = self._next_outage(self._outage.end)
        return self._outage.silence if self._outage.start <= elapsed else None

    def _next_spike(self, after: float) -> Spike:
        start = after + self._rng.expovariate(1.0 / self._plan.spike_every)
        return Spike(self._rng.choice(self._metrics), start, start + self._rng.uniform(30.0, 120.0))

    def _next_outage(self, after: float) -> Outage:
        start = after + self._rng.expovariate(1.0 / self._plan.outage_every)
        # Most are too short to be called offline, which is after a minute.
        length = self._rng.uniform(90.0, 300.0) if self._rng.random() < 0.4 else self._rng.uniform(5.0, 40.0)
        return Outage(self._rng.choice((Silence.NO_POWER, Silence.NO_NETWORK)), start, start + length)
