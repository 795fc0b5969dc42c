"""What is usual for a device, and what is not: pure functions, compared with a loop over readings."""

import math

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import Frame
from telemetry_svc.watch.abnormal import FLOOR, FLOOR_OF_MEAN, Profile
from telemetry_svc.watch.judge import Clearing, Judge, Opening
from telemetry_svc.watch.presence import Patience
from telemetry_svc.watch.rules import Abnormal, Kind, Rule, Severity


class Plain:
    """The same for one device, value by value, as the paper has it."""

    def __init__(self, alpha: float) -> None:
        self.alpha, self.mean, self.variance, self.count = alpha, 0.0, 0.0, 0

    def take(self, value: float, warm_up: int) -> float:
        if not self.count:
            self.mean = value
        difference = value - self.mean
        floor = max(FLOOR, FLOOR_OF_MEAN * abs(self.mean))
        score = abs(difference) / max(math.sqrt(self.variance), floor) if self.count >= warm_up else math.nan
        self.mean += self.alpha * difference
        self.variance = (1 - self.alpha) * (self.variance + self.alpha * difference**2)
        self.count += 1
        return score


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_columns_find_what_a_loop_over_the_readings_finds(seed: int, alpha: float) -> None:
    random = np.random.default_rng(seed)
    profile, plain = Profile(), {device: Plain(alpha) for device in range(20)}
    profile.grow(20)
    for _ in range(30):
        # From nothing to far more than a block of one device in a batch.
        lengths = random.choice([0, 1, 2, 31, 32, 33, 100], 20)
        device = np.repeat(np.arange(20, dtype=np.int32), lengths)
        values = random.normal(50, 8, len(device)) + 40 * (random.random(len(device)) < 0.02)
        scores, _ = profile.take(device, values, alpha, 10)
        expected = [plain[one].take(value, 10) for one, value in zip(device.tolist(), values.tolist(), strict=True)]
        np.testing.assert_allclose(scores, expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(profile.mean, [one.mean for one in plain.values()], rtol=1e-9)
    np.testing.assert_allclose(profile.variance, [one.variance for one in plain.values()], rtol=1e-7)
    assert profile.count.tolist() == [one.count for one in plain.values()]


def test_values_as_big_as_a_float_holds_do_not_blind_it_for_good() -> None:
    profile = Profile()
    profile.grow(2)
    device = np.ones(1, np.int32)
    for value in [1e308, -1e308, 1e308, *[20.0] * 12]:
        profile.take(device, np.array([value]), 0.05, 10)
    assert (profile.mean[1], profile.count[1] > 10) == (20, True)


class Watched:
    """Two deployed devices and one in maintenance, and a rule for what is abnormal."""

    def __init__(self, **fields: float) -> None:
        self.fleet = Fleet()
        for device_id, status in ((1, Status.DEPLOYED), (2, Status.DEPLOYED), (3, Status.MAINTENANCE)):
            self.fleet.place(device_id, status, device_type="sensor", version=1, since_ms=1)
        self.judge = Judge(self.fleet, Patience(60_000, 60_000))
        abnormal = Abnormal(**{"metric": "temperature", "z_score": 4.0, "alpha": 0.05, "warm_up": 60, **fields})  # pyright: ignore[reportArgumentType]
        self.rule = Rule("r", 1, Kind.ABNORMAL, Severity.WARNING, abnormal=abnormal)
        self.judge.use([self.rule])
        self.time_ms = 0

    def see(self, *values: float, device: int = 1, again: bool = False, backwards: bool = False) -> list[str]:
        """Values of one device, a millisecond apart; what became of its alert."""
        if not again:
            self.time_ms += len(values)
        times = np.arange(self.time_ms - len(values), self.time_ms) + 1
        order = slice(None, None, -1 if backwards else 1)
        columns = np.full(len(values), device, np.int32), times[order], {"temperature": np.array(values, float)[order]}
        changes, _ = self.judge.see(Frame(*columns, received_ms=1))
        return ["opened" if isinstance(change, Opening) else "cleared" for change in changes]


NOISE = [20.0, 21.0] * 40


def test_a_value_unlike_those_before_opens_and_one_like_them_closes() -> None:
    watched = Watched()
    assert watched.see(*NOISE) == []
    assert watched.see(40) == ["opened"]
    assert watched.see(21) == ["cleared"]


def test_an_alert_says_how_unusual_the_value_is() -> None:
    watched = Watched()
    watched.see(*NOISE)
    columns = np.ones(1, np.int32), np.array([10_000]), {"temperature": np.array([40.0])}
    (opening,), _ = watched.judge.see(Frame(*columns, received_ms=1))
    assert isinstance(opening, Opening)
    assert (opening.device_id, opening.value, opening.opened_ms) == (1, 40, 10_000)
    assert opening.message.startswith("temperature 40 is 39.")
    assert opening.message.endswith("standard deviations from its mean 20.5044")


def test_while_it_warms_up_it_only_learns() -> None:
    watched = Watched()
    assert watched.see(*NOISE[:59], 90) == []
    assert Watched().see(*NOISE[:60], 90) == ["opened"]


def test_a_constant_signal_does_not_alarm_at_the_least_noise_and_does_at_a_jump() -> None:
    watched = Watched()
    assert watched.see(*[21.5] * 100, 21.6, 21.4, 21.5) == []
    assert Watched().see(*[0.0] * 100, 0.01, -0.01, 0.0) == []
    assert watched.see(30) == ["opened"]


def test_between_the_score_and_half_of_it_nothing_flaps() -> None:
    watched = Watched(alpha=0.001)
    watched.see(*[20.0] * 100)  # the floor: a standard deviation of 0.2
    assert watched.see(20.9, 20.6, 20.9, 20.6) == ["opened"]
    assert watched.see(20.3) == ["cleared"]


def test_rows_of_one_device_count_in_the_order_of_their_time() -> None:
    ordered, turned = Watched(), Watched()
    values = [*NOISE, 40, 20, 21]
    assert ordered.see(*values) == turned.see(*values, backwards=True) == ["opened", "cleared"]
    profiles = [profile for watched in (ordered, turned) for _, profile in watched.judge.profiles()]
    assert profiles[0].mean.tolist() == profiles[1].mean.tolist()


def test_a_reading_that_comes_twice_changes_nothing() -> None:
    watched = Watched()
    watched.see(*NOISE)
    ((_, profile),) = watched.judge.profiles()
    before = profile.mean.tolist(), profile.variance.tolist(), profile.count.tolist()
    assert watched.see(*NOISE, again=True) == []
    columns = np.ones(3, np.int32), np.array([500, 500, 500]), {"temperature": np.array([20.0, 90.0, 90.0])}
    assert watched.judge.see(Frame(*columns, received_ms=1))[0] == []
    assert profile.count[1] == before[2][1] + 1


def test_a_gap_is_not_learned() -> None:
    watched = Watched()
    watched.see(20, float("nan"), 20)
    ((_, profile),) = watched.judge.profiles()
    assert profile.count[1] == 2


def test_a_device_in_maintenance_teaches_nothing() -> None:
    watched = Watched()
    assert watched.see(*NOISE, 90, device=3) == []
    ((_, profile),) = watched.judge.profiles()
    assert not profile.count.any()


def test_a_device_that_begins_anew_warms_up_anew() -> None:
    watched = Watched()
    watched.see(*NOISE)
    watched.judge.forget(1)
    assert watched.see(90) == []


def test_a_clearing_is_that_of_its_rule() -> None:
    watched = Watched()
    watched.see(*NOISE, 40)
    columns = np.ones(1, np.int32), np.array([10_000]), {"temperature": np.array([20.0])}
    assert watched.judge.see(Frame(*columns, received_ms=1))[0] == [Clearing(watched.rule, 1, 10_000)]
