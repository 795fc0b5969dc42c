"""What a rule makes of what it sees: pure functions of columns, the clock included."""

import math
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import Floats, Ids, Mask


class Kind(StrEnum):
    """What a rule looks at."""

    THRESHOLD = "threshold"
    OFFLINE = "offline"
    ABNORMAL = "abnormal"


# The kind of the alerts that no rule makes, and in the place of their rule's id.
DRIFT = "drift"


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


SEVERITIES = list(Severity)
# How bad each is: the greater, the worse.
RANKS = {severity.value: rank for rank, severity in enumerate(SEVERITIES)}


class Direction(StrEnum):
    """The side of a limit that is beyond it."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A metric beyond a limit for `for_ms` of device time; over when it is back at `clear_limit`.

    The band between the two limits is the hysteresis that keeps a value at the limit from flapping.
    """

    metric: str
    direction: Direction
    limit: float
    clear_limit: float
    for_ms: int = 0

    def beyond(self, values: Any) -> Any:
        """Whether a value is beyond the limit, or which of a column are; NaN is not."""
        return values > self.limit if self.direction is Direction.ABOVE else values < self.limit

    def back(self, values: Any) -> Any:
        """Likewise, on the other side of the clear limit."""
        return values <= self.clear_limit if self.direction is Direction.ABOVE else values >= self.clear_limit


@dataclass(frozen=True, slots=True)
class Abnormal:
    """A value further than `z_score` standard deviations from what its device measured before; over at half of that.

    `alpha`: the weight of the newest value; `warm_up`: how many values of a device are only learned from.
    """

    metric: str
    z_score: float
    alpha: float
    warm_up: int

    @property
    def band(self) -> Threshold:
        """The same as limits on scores."""
        return Threshold(self.metric, Direction.ABOVE, self.z_score, self.z_score / 2)


@dataclass(frozen=True, slots=True)
class Rule:
    """When to raise an alert, and for which devices: those of a type ("": any), or one (0: any)."""

    id: str
    version: int
    kind: Kind
    severity: Severity
    enabled: bool = True
    device_type: str = ""
    device_id: int = 0
    threshold: Threshold | None = None
    # Judges what was received from then on.
    since_ms: int = 0
    abnormal: Abnormal | None = None

    @property
    def metric(self) -> str:
        """The metric that it looks at; empty when it looks at none."""
        judged = self.threshold or self.abnormal
        return judged.metric if judged else ""

    def applies(self, fleet: Fleet, devices: Ids | NDArray[np.intp]) -> Mask:
        """Which of these known devices it watches: only deployed ones, for an alert asks somebody to do something."""
        mask = fleet.status[devices] == Status.DEPLOYED
        if self.device_type:
            # A type that no device has yet is no device's.
            mask &= fleet.type[devices] == fleet.types.get(self.device_type, -1)
        if self.device_id:
            mask &= devices == self.device_id
        return mask


class Phase(IntEnum):
    """How far a device is with a threshold."""

    WITHIN = 0
    PENDING = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Excursion:
    """A device beyond a limit since `since_ms` of its own clock; `opened` when that is an alert."""

    since_ms: int
    opened: bool

    @property
    def phase(self) -> Phase:
        """Where that puts the device."""
        return Phase.OPEN if self.opened else Phase.PENDING


class Outcome(StrEnum):
    """What one reading did to an alert."""

    OPENED = "opened"
    CLEARED = "cleared"


def crossing(threshold: Threshold, values: Floats, phase: NDArray[np.int8]) -> Mask:
    """The rows whose devices must be stepped through one by one, given the `phase` each device is in.

    A row that is not chosen changes nothing unless another of its device was chosen: values within the limits of a
    device that is within, values still beyond of one whose alert is open. So the ordinary costs two comparisons.
    """
    return np.where(phase == Phase.OPEN, threshold.back(values), threshold.beyond(values) | (phase == Phase.PENDING))


def step(
    threshold: Threshold, excursion: Excursion | None, time_ms: int, value: float
) -> tuple[Excursion | None, Outcome | None]:
    """One reading of one device, in the order of device time. NaN changes nothing."""
    if math.isnan(value) or (excursion is not None and time_ms <= excursion.since_ms):
        # What is older than an excursion cannot end it: a replay begins before the alert that it finds open.
        return excursion, None
    if excursion is not None and excursion.opened:
        return (None, Outcome.CLEARED) if threshold.back(value) else (excursion, None)
    if not threshold.beyond(value):
        return None, None
    excursion = excursion or Excursion(time_ms, opened=False)
    if time_ms - excursion.since_ms < threshold.for_ms:
        return excursion, None
    return replace(excursion, opened=True), Outcome.OPENED


def words(threshold: Threshold, value: float) -> str:
    """The alert in words: "temperature 91.2 above 85"."""
    return f"{threshold.metric} {value:g} {threshold.direction} {threshold.limit:g}"


def unusual(metric: str, value: float, mean: float, score: float) -> str:
    """Likewise, of an abnormal value: "temperature 91.2 is 5.3 standard deviations from its mean 21.5"."""
    return f"{metric} {value:g} is {score:.1f} standard deviations from its mean {mean:g}"
