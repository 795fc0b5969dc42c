"""What the device shall be set to reaches it, is taken once, and is reported."""

import asyncio

import grpc
import pytest

from fieldstock_device import Pace
from fieldstock_device.simulate.fleet import SimulatedDevice
from fieldstock_device.simulate.machine import Measurement


class Taken:
    """What a device was set to; waits while `open` is not set, fails as often as it is told to."""

    def __init__(self):
        self.versions = []
        self.failures = 0
        self.open = asyncio.Event()
        self.open.set()
        self.begun = 0

    async def __call__(self, desired):
        self.begun += 1
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise OSError("no")
        self.versions.append(desired)


@pytest.fixture
def taken():
    return Taken()


async def passing(world, condition):
    """Waits for it while time passes."""

    def passed():
        world.clock.advance(0.05)
        return condition()

    await world.until(passed)


async def test_what_is_desired_is_taken_at_the_start_and_at_every_change_and_reported(world, taken):
    world.settings.desire(interval_seconds=5, mode={"night": True})
    async with world.device(on_settings=taken) as client:
        await world.until(lambda: world.settings.reports == [1])
        assert client.settings_version == 1
        world.settings.desire(interval_seconds=2)
        await world.until(lambda: world.settings.reports == [1, 2])
        assert client.settings_version == 2
    assert taken.versions == [{"interval_seconds": 5, "mode": {"night": True}}, {"interval_seconds": 2}]


async def test_who_takes_no_settings_asks_for_none(world):
    async with world.device() as client:
        await client.record({"temperature": 1.0})
        assert client.settings_version == 0
    assert world.settings.watches == []


async def test_nothing_is_taken_while_nothing_is_desired(world, taken):
    async with world.device(on_settings=taken) as client:
        await world.until(lambda: world.settings.watches)
        world.settings.desire(a=1)
        await world.until(lambda: client.settings_version == 1)
    assert taken.versions == [{"a": 1}]


async def test_readings_and_settings_share_one_token(world, taken):
    world.settings.desire(a=1)
    async with world.device(on_settings=taken, pace=Pace(batch_rows=1)) as client:
        await client.record({"temperature": 1.0})
        await world.until(lambda: world.settings.reports and world.peer.batches)
    assert world.peer.tokens == ["token-1"]


async def test_a_version_is_reported_only_when_it_was_taken_and_of_those_missed_meanwhile_the_newest_counts(
    world, taken
):
    taken.open.clear()
    world.settings.desire(a=1)
    async with world.device(on_settings=taken) as client:
        await world.until(lambda: taken.begun)
        for value in (2, 3, 4):
            world.settings.desire(a=value)
        await world.until(lambda: client._settings._newest.version == 4)
        assert (client.settings_version, world.settings.reports) == (0, [])
        taken.open.set()
        await world.until(lambda: world.settings.reports == [1, 4])
    assert taken.versions == [{"a": 1}, {"a": 4}]


async def test_settings_that_could_not_be_taken_are_tried_again(world, taken):
    taken.failures = 2
    world.settings.desire(a=1)
    async with world.device(on_settings=taken):
        await passing(world, lambda: world.settings.reports == [1])
    assert (taken.begun, taken.versions) == (3, [{"a": 1}])


@pytest.mark.parametrize(
    "code, reason",
    [
        (grpc.StatusCode.UNAVAILABLE, "GOING_DOWN"),
        (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
        (grpc.StatusCode.ABORTED, "STREAM_REPLACED"),
    ],
)
async def test_a_stream_that_ends_is_opened_again_and_what_was_taken_is_not_taken_twice(
    world, taken, ending, code, reason
):
    world.settings.desire(a=1)
    world.settings.endings.append(ending(code, reason, after=1))
    async with world.device(on_settings=taken):
        await world.until(lambda: world.settings.reports == [1])
        world.settings.desire(a=2)
        await passing(world, lambda: world.settings.reports == [1, 2])
    assert taken.versions == [{"a": 1}, {"a": 2}]
    assert len(world.settings.watches) == 2
    assert (world.settings.watches[0] != world.settings.watches[1]) == (code is grpc.StatusCode.UNAUTHENTICATED)


async def test_the_stream_is_opened_again_with_a_fresh_token_before_the_old_one_expires(world, taken):
    async with world.device(on_settings=taken):
        await world.until(lambda: world.settings.watches)
        await passing(world, lambda: len(world.settings.watches) == 2 or world.clock.advance(10))
        assert world.clock.time < world.peer.expires_in
        world.settings.desire(a=1)
        await world.until(lambda: world.settings.reports == [1])
    assert world.settings.watches == ["token-1", "token-2"]


async def test_a_report_that_fails_is_made_again_and_the_settings_are_not_taken_again(world, taken, ending):
    world.settings.report_failures.append(ending(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"))
    world.settings.desire(a=1)
    async with world.device(on_settings=taken):
        await passing(world, lambda: world.settings.reports == [1])
    assert taken.begun == 1


async def test_a_device_that_takes_settings_for_ever_can_be_closed(world, taken):
    taken.open.clear()
    world.settings.desire(a=1)
    async with world.device(on_settings=taken):
        await world.until(lambda: taken.begun)
    assert (taken.versions, world.settings.reports) == ([], [])


class Steady:
    """A machine that counts."""

    def __init__(self):
        self.intervals = []

    def measure(self, time, elapsed, interval):
        self.intervals.append(interval)
        return Measurement({"temperature": 1.0}, None, spiking=False)


async def test_a_simulated_device_measures_as_often_as_its_settings_want(world):
    machine = Steady()
    async with world.device() as client:
        device = SimulatedDevice(machine, client, "Press 1 sensor")

        async def live(ticks):
            for _ in range(ticks):
                await device.tick(world.clock.now(), world.clock.time, 1.0)
                world.clock.advance(1)

        await live(3)
        assert machine.intervals == [1.0] * 3
        await device.set({"interval_seconds": 5})
        await live(10)
        assert machine.intervals[3:] == [5.0] * 2
        await device.set({"interval_seconds": "often"})
        await live(3)
        assert machine.intervals[5:] == [1.0] * 3
