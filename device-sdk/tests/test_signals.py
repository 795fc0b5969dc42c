"""The physics of the simulated fleet: no I/O, no waiting, days in milliseconds."""

import itertools
import math
import random
import statistics

import pytest

from fieldstock_device.simulate.catalogue import KINDS, RULES, unit
from fieldstock_device.simulate.incidents import Incidents, Outage, Plan, Silence, Spike, plan
from fieldstock_device.simulate.machine import Machine
from fieldstock_device.simulate.signals import Character, Signal

MIDNIGHT = 1_800_057_600.0
HOUR = 3600.0
TEMPERATURE = Character("temperature", 40.0, 6.0, 2.0, 120.0, -40.0, 125.0, 0.1, spike=92.0)


def readings(signal: Signal, start: float, seconds: float, interval: float) -> list[float]:
    return [signal.read(start + step * interval, interval) for step in range(int(seconds / interval))]


def test_the_afternoon_is_warmer_than_the_night_by_twice_the_swing():
    nights, afternoons = [], []
    for seed in range(40):
        signal = Signal(TEMPERATURE, random.Random(seed))
        nights += readings(signal, MIDNIGHT + 1.5 * HOUR, HOUR, 10)
        afternoons += readings(signal, MIDNIGHT + 13.5 * HOUR, HOUR, 10)
    assert statistics.mean(afternoons) - statistics.mean(nights) == pytest.approx(12, abs=1)


@pytest.mark.parametrize("interval", [0.1, 1.0, 60.0])
def test_the_spread_is_the_same_at_any_interval(interval):
    flat = Character("temperature", 40.0, 0.0, 2.0, 30.0, -1e9, 1e9, 0.001)
    signals = [Signal(flat, random.Random(seed)) for seed in range(3000)]
    for step in range(3):
        last = [signal.read(MIDNIGHT + step * interval, interval) for signal in signals]
    # The devices' own levels differ by as much again as the noise.
    assert statistics.pstdev(last) == pytest.approx(2 * math.sqrt(2), rel=0.06)


def test_noise_drifts_rather_than_jumps_and_comes_back():
    signal = Signal(Character("temperature", 40.0, 0.0, 2.0, 300.0, -1e9, 1e9, 0.001), random.Random(3))
    values = readings(signal, MIDNIGHT, 24 * HOUR, 1)
    steps = [abs(b - a) for a, b in itertools.pairwise(values)]
    assert statistics.mean(steps) < 0.2
    assert abs(statistics.mean(values[:40_000]) - statistics.mean(values[40_000:])) < 0.7


def test_a_sensor_shows_no_more_than_it_can():
    signal = Signal(Character("cpu", 60.0, 0.0, 60.0, 1.0, 0.0, 100.0, 0.5), random.Random(1))
    values = readings(signal, MIDNIGHT, 2000, 1)
    assert (min(values), max(values)) == (0.0, 100.0)
    assert all((value * 2).is_integer() for value in values)


def test_a_spike_rises_holds_and_returns():
    spike = Spike("temperature", 20, 80)
    assert [spike.push(t) for t in (0, 19.9, 22.5, 25, 59, 70, 79, 80)] == pytest.approx(
        [0, 0, 0.5, 1, 1, 0.5, 0.05, 0], abs=1e-9
    )


def test_incidents_do_not_depend_on_how_often_one_looks():
    def seen(step: float) -> list[tuple[Spike | None, Silence | None]]:
        incidents = Incidents(Plan(300, 900), ["cpu", "temperature"], random.Random(5))
        every = [(incidents.spike(k * step), incidents.silence(k * step)) for k in range(int(20_000 / step))]
        return every[:: int(10 / step)]

    assert seen(0.5) == seen(10.0)
    assert len({spike for spike, _ in seen(10.0)}) > 20
    assert {silence for _, silence in seen(10.0)} == {None, *Silence}


def test_incidents_come_as_often_as_planned():
    spikes, silent = set(), 0
    for seed in range(50):
        incidents = Incidents(Plan(600, 2400), ["cpu"], random.Random(seed))
        for t in range(0, 72_000, 5):
            spikes.add((seed, incidents.spike(t)))
            silent += incidents.silence(t) is not None
    # Every 600 s of quiet, then 75 s on average.
    assert len(spikes) / 50 == pytest.approx(72_000 / 675, rel=0.1)
    assert 0.02 < silent / (50 * 14_400) < 0.06


def test_within_the_first_minute_one_device_overheats_and_another_falls_silent():
    limit = RULES[0]["threshold"]["limit"]
    machines = [Machine(unit(index, seed=7), seed=7, devices=25) for index in range(25)]
    by_second = [[machine.measure(MIDNIGHT + t, t, 1.0) for machine in machines] for t in range(60)]
    assert any(measured[0].metrics["temperature"] > limit for measured in by_second)
    assert by_second[59][1].silence is Silence.NO_POWER
    assert by_second[59][1].metrics == {}


def test_the_first_silence_is_longer_than_the_offline_limit():
    outage = plan(1, 25).first_outage
    assert isinstance(outage, Outage)
    assert outage.end - outage.start > 60


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_every_rule_is_crossed_by_its_spike_and_by_nothing_else(kind):
    for rule in RULES:
        threshold = rule["threshold"]
        if rule.get("device_type", kind.type) != kind.type:
            continue
        for character in kind.characters:
            if character.metric != threshold["metric"]:
                continue
            signals = [Signal(character, random.Random(seed)) for seed in range(10)]
            usual = [value for signal in signals for value in readings(signal, MIDNIGHT, 24 * HOUR, 20)]
            assert max(usual) < threshold["clear_limit"]
            assert signals[0].read(MIDNIGHT, 1.0, push=1.0) > threshold["limit"]


def test_one_seed_makes_one_fleet_with_one_fate():
    def life(seed: int) -> list[object]:
        machine = Machine(unit(4, seed), seed=seed, devices=25)
        return [machine.measure(MIDNIGHT + t, t, 1.0) for t in range(3000)]

    assert unit(4, 7) == unit(4, 7)
    assert life(7) == life(7)
    assert life(7) != life(8)


def test_a_fleet_is_mixed_and_its_names_are_its_own():
    units = [unit(index, seed=1) for index in range(300)]
    assert {one.kind.type for one in units} == {kind.type for kind in KINDS}
    assert len({one.name for one in units}) == 300
    assert len({one.location for one in units}) == 12
    assert all(len(one.name) <= 100 and len(one.location) <= 100 for one in units)
