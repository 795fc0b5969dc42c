"""What a sensor shows over time: a daily wave, and noise that remembers. Pure: time and chance are passed in."""

import math
import random
from dataclasses import dataclass

_DAY_S = 86_400.0
_WARMEST_S = 14 * 3600.0


@dataclass(frozen=True, slots=True)
class Character:
    """How one metric behaves. All values in the metric's own unit."""

    metric: str

    level: float
    """The mean over a day ..."""

    swing: float
    """... how far the afternoon is above it, and the night below ..."""

    noise: float
    """... and the standard deviation around that."""

    memory: float
    """Seconds after which the noise has forgotten two thirds of where it was."""

    low: float
    high: float
    """What the sensor can show."""

    resolution: float

    spike: float | None = None
    """Where a spike drives it; None: it has none."""


class Signal:
    """One metric of one device, reading after reading.

    The noise is an Ornstein-Uhlenbeck process in its exact discretisation (Gillespie, Phys. Rev. E 54, 1996): readings
    may come at any interval and keep the same spread.
    """

    def __init__(self, character: Character, rng: random.Random) -> None:
        self.character = character
        self._rng = rng
        # No two devices are quite alike.
        self._level = character.level + rng.gauss(0.0, character.noise)
        self._noise = rng.gauss(0.0, character.noise)
        self._interval = -1.0
        self._keep = self._kick = 0.0

    def read(self, time: float, interval: float, push: float = 0.0) -> float:
        """The value at `time` (seconds since 1970), `interval` seconds after the reading before.

        `push` says how far a spike has taken it from its usual course (0) to the spike's height (1).
        """
        character = self.character
        if interval != self._interval:
            self._interval = interval
            self._keep = math.exp(-interval / character.memory)
            self._kick = character.noise * math.sqrt(1.0 - self._keep * self._keep)
        self._noise = self._noise * self._keep + self._kick * self._rng.gauss(0.0, 1.0)
        wave = character.swing * math.cos((time - _WARMEST_S) * (2.0 * math.pi / _DAY_S))
        value = self._level + wave + self._noise
        if push and character.spike is not None:
            value += (character.spike - value) * push
        value = min(max(value, character.low), character.high)
        return round(round(value / character.resolution) * character.resolution, 6)
