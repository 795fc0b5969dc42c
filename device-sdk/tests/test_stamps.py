"""The times that readings are given, and those that they bring."""

import asyncio
import math
from datetime import datetime

import pytest

from fieldstock_device import InvalidReading
from fieldstock_device.stamps import Stamps


async def passing(world, *records):
    """Awaits them while time passes. Returns how many milliseconds did."""
    began, taken = world.clock.time, asyncio.gather(*records)
    while not taken.done():
        await asyncio.sleep(0)
        world.clock.advance(0.0002)
    await taken
    return (world.clock.time - began) * 1000


async def test_a_burst_gets_times_of_its_own_and_none_is_ahead_of_the_clock(clock):
    stamps, given = Stamps(clock), []

    async def stamp():
        given.append((await stamps.next(), clock.now() * 1000))

    burst = asyncio.gather(*(stamp() for _ in range(200)))
    while not burst.done():
        await asyncio.sleep(0)
        clock.advance(0.0002)
    times = [time_ms for time_ms, _ in given]
    assert times == list(range(times[0], times[0] + 200))
    assert all(time_ms <= now_ms < time_ms + 1 for time_ms, now_ms in given)


async def test_what_a_second_run_records_right_after_the_first_is_kept_beside_it(world):
    for run in range(2):
        async with world.device() as client:
            values = range(run * 50, run * 50 + 50)
            await passing(world, *(client.record({"temperature": value}) for value in values))
        # No process is started anew within less.
        world.clock.advance(0.001)
    assert world.peer.values == list(range(100))


async def test_a_reading_waits_for_the_next_millisecond_only(world):
    async with world.device() as client:
        await client.record({"temperature": 1})
        assert 1 <= await passing(world, client.record({"temperature": 2})) < 1.5
        world.clock.advance(1)
        await client.record({"temperature": 3})


async def test_a_reading_with_a_time_of_its_own_does_not_wait(world):
    async with world.device() as client:
        await client.record({"temperature": 1})
        waiting = asyncio.create_task(client.record({"temperature": 3}))
        await asyncio.sleep(0)
        await client.record({"temperature": 2}, time=world.clock.now())
        assert (waiting.done(), client.pending) == (False, 2)
        await passing(world, waiting)


@pytest.mark.parametrize("seconds", [1, 3600])
async def test_a_clock_that_is_set_back_is_believed(world, seconds):
    async with world.device() as client:
        await client.record({"temperature": 1})
        world.clock.started_at -= seconds
        await client.record({"temperature": 2})
    assert world.peer.values == [2, 1]


async def test_a_clock_that_is_set_back_a_little_is_waited_for(world):
    async with world.device() as client:
        await client.record({"temperature": 1})
        world.clock.started_at -= 0.1
        assert 100 < await passing(world, client.record({"temperature": 2})) < 102
    assert world.peer.values == [1, 2]


async def test_a_reading_that_waits_when_its_device_is_closed_is_refused(world):
    async with world.device() as client:
        await client.record({"temperature": 1})
        waiting = asyncio.create_task(client.record({"temperature": 2}))
        await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="not open"):
        await passing(world, waiting)
    assert client.pending == 0


@pytest.mark.parametrize(
    "when",
    [
        *(1_800_000_000_000_000_000, 2**63 / 1000, -1e16, 1e308, math.nan, math.inf, -math.inf),
        datetime(2027, 1, 15),  # noqa: DTZ001
    ],
)
async def test_a_time_that_is_none_is_refused_at_once(world, when):
    async with world.device() as client:
        with pytest.raises(InvalidReading):
            await client.record({"temperature": 1}, time=when)
        assert client.pending == 0
        await client.record({"temperature": 2}, time=1_800_000_000)
    assert world.peer.values == [2]
