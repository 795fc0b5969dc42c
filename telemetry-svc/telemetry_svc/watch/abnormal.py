"""What is usual for a device, learned from its own values: pure functions of columns.

The exponentially weighted mean and variance of T. Finch, "Incremental calculation of weighted mean and variance", 2009,
section 9. For each value x: `d = x - mean; mean += alpha * d; variance = (1 - alpha) * (variance + alpha * d * d)`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import Floats, Ids

# A value is never closer to its mean than a standard deviation of this: a signal that was constant has none of its own,
# and the least noise must not be infinitely many of them. In parts of the mean, and at least so much.
FLOOR_OF_MEAN, FLOOR = 0.01, 0.01
# Values of one device that are taken at once; (1 - alpha) ** -BLOCK must stay far below what a float holds.
BLOCK = 32

Matrix = NDArray[np.float64]


def learn(values: Matrix, mean: Floats, variance: Floats, alpha: float) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Takes in row i's `values[i]`, from the left, where mean and variance were `mean[i]` and `variance[i]`.

    Gives mean and variance before each value, and after it; all of the shape of `values`, at most BLOCK wide. The two
    recursions are linear, so a row is a sum of weighted values, and the sums of all columns are one cumsum.
    """
    keep = 1 - alpha
    falling = keep ** np.arange(1, values.shape[1] + 1)
    # Around the old mean: the sums stay as small as the changes are.
    moved = falling * np.cumsum((values - mean[:, None]) * (alpha / falling), axis=1)
    after = mean[:, None] + moved
    before = np.column_stack([mean, after[:, :-1]])
    spread = np.cumsum((values - before) ** 2 * (alpha * keep / falling), axis=1)
    variance_after = falling * (variance[:, None] + spread)
    return before, np.column_stack([variance, variance_after[:, :-1]]), after, variance_after


def score(values: Floats, mean: Floats, variance: Floats) -> Floats:
    """How many standard deviations each value is away from its mean, whichever side."""
    floor = np.maximum(FLOOR, FLOOR_OF_MEAN * np.abs(mean))
    return np.abs(values - mean) / np.maximum(np.sqrt(variance), floor)


@dataclass(slots=True)
class Profile:
    """Mean, variance and number of the values that were learned of each device, by device id."""

    mean: Floats = field(default_factory=lambda: np.zeros(0))
    variance: Floats = field(default_factory=lambda: np.zeros(0))
    count: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def grow(self, capacity: int) -> None:
        """Makes the columns as long as the fleet's."""
        more = capacity - len(self.count)
        if more > 0:
            self.mean = np.concatenate([self.mean, np.zeros(more)])
            self.variance = np.concatenate([self.variance, np.zeros(more)])
            self.count = np.concatenate([self.count, np.zeros(more, np.int32)])

    def forget(self, device_id: int) -> None:
        """Begins anew with a device."""
        if device_id < len(self.count):
            self.count[device_id] = 0

    def take(self, device: Ids, values: Floats, alpha: float, warm_up: int) -> tuple[Floats, Floats]:
        """Judges values by what was learned before each, then learns from them. Rows are ordered by device, and those
        of one device by time; none is NaN. Gives each row's score, NaN while its device warms up, and mean before it.
        """
        scores, means = np.empty(len(device)), np.empty(len(device))
        first = np.flatnonzero(np.diff(device, prepend=-1))
        left = np.diff(np.r_[first, len(device)])
        # Values may be as big as a float holds: what overflows is set back below.
        with np.errstate(over="ignore", invalid="ignore"):
            while len(first):
                width = min(BLOCK, int(left.max()))
                inside = np.arange(width) < left[:, None]
                # Behind the end of a run stands its first value again: nothing before it is changed by that.
                rows = np.where(inside, first[:, None] + np.arange(width), first[:, None])
                score_of, mean_of = self._block(device[first], values[rows], np.minimum(left, width), alpha, warm_up)
                scores[rows[inside]], means[rows[inside]] = score_of[inside], mean_of[inside]
                first, left = first + width, left - width
                first, left = first[left > 0], left[left > 0]
        return scores, means

    def _block(
        self, device: Ids, values: Matrix, taken: NDArray[np.intp], alpha: float, warm_up: int
    ) -> tuple[Matrix, Matrix]:
        count = self.count[device]
        mean = np.where(count == 0, values[:, 0], self.mean[device])
        variance = np.where(count == 0, 0.0, self.variance[device])
        mean_before, variance_before, mean_after, variance_after = learn(values, mean, variance, alpha)
        scores = score(values, mean_before, variance_before)
        scores[count[:, None] + np.arange(values.shape[1]) < warm_up] = np.nan
        last = np.arange(len(device)), taken - 1
        sound = np.isfinite(mean_after[last]) & np.isfinite(variance_after[last])
        self.mean[device] = np.where(sound, mean_after[last], 0.0)
        self.variance[device] = np.where(sound, variance_after[last], 0.0)
        # Far more than any warm-up asks for, and no overflow after years.
        self.count[device] = np.where(sound, np.minimum(count + taken, 2**30), 0)
        return scores, mean_before
