"""A simulated device from the inside. Pure: time and chance are passed in."""

import random
from dataclasses import dataclass

from fieldstock_device.simulate.catalogue import Unit
from fieldstock_device.simulate.incidents import Incidents, Silence, plan
from fieldstock_device.simulate.signals import Signal


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a device has to say at one time. `metrics` is empty where it has no power."""

    metrics: dict[str, float]
    silence: Silence | None
    spiking: bool


class Machine:
    """Signals under a plan of incidents; with one seed and the same times it always measures the same."""

    def __init__(self, unit: Unit, *, seed: int, devices: int) -> None:
        """`devices` is the size of the fleet, which has its share of incidents however large it is."""
        rng = random.Random(f"{seed} machine {unit.index}")
        self._signals = [Signal(character, rng) for character in unit.kind.characters]
        # A source of chance of its own: how often it is read must not change what goes wrong.
        spikes = [character.metric for character in unit.kind.characters if character.spike is not None]
        self._incidents = Incidents(plan(unit.index, devices), spikes, random.Random(f"{seed} incidents {unit.index}"))

    def measure(self, time: float, elapsed: float, interval: float) -> Measurement:
        """The reading at `time` (seconds since 1970), so many seconds after the start and after the reading before."""
        silence = self._incidents.silence(elapsed)
        spike = self._incidents.spike(elapsed)
        if silence is Silence.NO_POWER:
            return Measurement({}, silence, spiking=False)
        metrics = {
            signal.character.metric: signal.read(
                time,
                interval,
                spike.push(elapsed) if spike is not None and spike.metric == signal.character.metric else 0.0,
            )
            for signal in self._signals
        }
        return Measurement(metrics, silence, spiking=spike is not None)
