"""The simulated fleet, from its machines to the server."""

import asyncio

import grpc

from fieldstock_device import Pace, State
from fieldstock_device.simulate.catalogue import unit
from fieldstock_device.simulate.fleet import Fleet, SimulatedDevice
from fieldstock_device.simulate.fleet_file import Enrolled
from fieldstock_device.simulate.incidents import Silence
from fieldstock_device.simulate.machine import Measurement

SINGLE = Pace(batch_rows=1)


class Script:
    """A machine whose readings are written beforehand."""

    def __init__(self, *measurements: Measurement) -> None:
        self._measurements = list(measurements)

    def measure(self, time: float, elapsed: float, interval: float) -> Measurement:
        return self._measurements.pop(0)


def hot(value: float, silence: Silence | None = None) -> Measurement:
    return Measurement({"temperature": value}, silence, spiking=False)


NOTHING = Measurement({}, Silence.NO_POWER, spiking=False)


async def live(world, device, seconds):
    for _ in range(seconds):
        await device.tick(world.clock.now(), world.clock.time, 1.0)
        world.clock.advance(1)


async def test_a_fleet_sends_what_it_measures_and_what_is_left_when_it_is_ended(world):
    world.peer.rotate_after_ms = 5_000
    members = [(unit(index, 1), Enrolled(index, index + 1, f"SN-{index}", "secret")) for index in range(7)]
    fleet = Fleet(world.url, members, rate=1, seed=1, clock=world.clock)
    running = asyncio.create_task(fleet.run())

    def acknowledged() -> int:
        world.clock.advance(0.05)
        return sum(device.client.counters.acknowledged for device in fleet.devices)

    await world.until(lambda: acknowledged() >= 70)
    assert all(device.client.state is State.ONLINE for device in fleet.devices)
    assert "7 devices · 7 online" in fleet.status()
    running.cancel()
    await world.until(running.done)
    assert running.cancelled()
    assert [device.client.pending for device in fleet.devices] == [0] * 7
    assert sum(len(batch.time_ms) for batch in world.peer.batches) == acknowledged()


async def test_a_device_of_the_fleet_takes_its_settings(world):
    world.settings.desire(interval_seconds=1000)
    fleet = Fleet(world.url, [(unit(0, 1), Enrolled(0, 7, "SN-0", "secret"))], rate=1, seed=1, clock=world.clock)
    running = asyncio.create_task(fleet.run())
    (device,) = fleet.devices
    await world.until(lambda: world.settings.reports == [1])
    assert device.client.settings_version == 1

    def acknowledged() -> int:
        world.clock.advance(0.05)
        return device.client.counters.acknowledged

    await world.until(lambda: acknowledged() and world.clock.time > 30)
    running.cancel()
    await world.until(running.done)
    # One before it had its settings, perhaps, and one after.
    assert sum(len(batch.time_ms) for batch in world.peer.batches) <= 2


async def test_what_is_measured_without_a_network_arrives_afterwards_and_without_power_nothing_does(world):
    script = Script(hot(1), hot(2, Silence.NO_NETWORK), hot(3, Silence.NO_NETWORK), hot(4), NOTHING, NOTHING, hot(7))
    async with world.device(pace=SINGLE) as client:
        device = SimulatedDevice(script, client, "Press 1 sensor")
        await live(world, device, 3)
        await world.until(lambda: world.peer.batches)
        assert client.pending == 1
        await live(world, device, 4)
    assert world.peer.values == [1, 2, 3, 4, 7]
    seconds = [(time_ms / 1000 - world.clock.started_at) for time_ms, _ in sorted(world.peer.stored)]
    assert seconds == [0, 1, 2, 3, 6]


async def test_a_device_on_the_shelf_goes_on_asking_with_one_reading(world, ending):
    refusals = [ending(grpc.StatusCode.PERMISSION_DENIED, "DEVICE_NOT_DEPLOYED") for _ in range(3)]
    world.peer.token_failures.extend(refusals)
    async with world.device(pace=SINGLE) as client:
        device = SimulatedDevice(Script(*(hot(value) for value in range(100))), client, "Press 1 sensor")
        await live(world, device, 1)
        for _ in refusals:
            wait = await world.pause(client)
            await live(world, device, 2)
            assert client.pending == 1
            world.clock.advance(wait)
        await world.until(lambda: client.state is State.ONLINE)
        await live(world, device, 1)
    assert world.peer.values == [0, 7]
