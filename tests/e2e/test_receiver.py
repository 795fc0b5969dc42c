"""A receiver takes the readings, another replica watches them; and when that one hangs, the receiver does both."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from itertools import count
from urllib.parse import urlsplit

import pytest

from fieldstock_dev.settings import Settings
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually
from servicekit.testing.flood import flooding
from tests.e2e.metrics import metric

# What a stream may have on its way while nobody reads it: a window here, one there, and what sockets take.
STOPPED_SECONDS, MOST_BYTES = 1.0, 1024 * 1024


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All services on servers of their own, telemetry with a receiver."""
    given = Settings(postgres_url=None, mongodb_uri=None, amqp_url=None, receivers=1)
    with Stack(tmp_path_factory.mktemp("receiver"), parts=("envoy",), settings=given, small=True) as stack:
        yield stack


async def send(device, readings) -> None:
    stream = device.stream(await device.token_when_deployed())
    await stream.write(readings)
    await stream.done_writing()
    assert (await stream).accepted_rows == 1


async def test_readings_go_to_the_receiver_and_alerts_come_of_them_whoever_watches(admin, ready, ear, speak, stack):
    threshold = {"metric": "warmth", "direction": "above", "limit": 85, "clear_limit": 80}
    given = {"name": "Too warm", "kind": "threshold", "severity": "critical", "enabled": True, "threshold": threshold}
    rule = await admin("POST", "/monitoring/rules", given)
    await ear.subscribe("alerts")

    await send(ready, speak(1, {"warmth": 95.0}))
    await ear.hear("alert", device_id=ready.id, rule_id=rule["id"], state="active")
    assert await metric(stack, "receiver", "fieldstock_ingest_rows_accepted_total") == 1
    assert await metric(stack, "telemetry", "fieldstock_ingest_rows_accepted_total") == 0
    assert await metric(stack, "receiver", "fieldstock_watch_partitions") == 0

    async def receiver_watches() -> bool:
        return await metric(stack, "receiver", "fieldstock_watch_partitions") == 64

    stack.signal("telemetry", signal.SIGSTOP)
    try:
        await eventually(receiver_watches, within=30)
        await send(ready, speak(1, {"warmth": 20.0}))
        await ear.hear("alert", device_id=ready.id, rule_id=rule["id"], state="resolved", within=20)
    finally:
        stack.signal("telemetry", signal.SIGCONT)

    async def telemetry_watches() -> bool:
        return await metric(stack, "telemetry", "fieldstock_watch_partitions") == 64

    await eventually(telemetry_watches, within=30)
    await send(ready, speak(1, {"warmth": 97.0}))
    await ear.hear("alert", device_id=ready.id, rule_id=rule["id"], state="active", within=20)


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux has turns")
def test_threads_of_a_receiver_take_turns(stack):
    assert os.sched_getscheduler(stack.pid("receiver")) == os.SCHED_BATCH
    assert os.sched_getscheduler(stack.pid("telemetry")) == os.SCHED_OTHER


async def test_whoever_watches_a_device_hears_from_the_receiver_how_far_its_clock_is_off(admin, ready, speak):
    await send(ready, speak(1, {"warmth": 20.0}, sent_ms=int(time.time() * 1000) + 90_000))

    async def skew_ms() -> int | None:
        return (await admin("GET", f"/monitoring/devices/{ready.id}")).get("clock_skew_ms")

    assert 80_000 < await eventually(skew_ms, within=20) <= 90_000


async def test_who_sends_faster_than_a_receiver_takes_waits_at_its_own_end_of_envoy(ready, speak, stack):
    port = urlsplit(stack.base_url).port
    messages = (speak(number, {"warmth": 20.0}) for number in count(1))
    async with flooding(port, await ready.token_when_deployed(), messages) as flood:
        await eventually(lambda: asyncio.sleep(0, flood.sent > MOST_BYTES), within=20)
        stack.signal("receiver", signal.SIGSTOP)
        try:
            before = flood.sent
            await asyncio.sleep(STOPPED_SECONDS)
            held = flood.sent
            await asyncio.sleep(STOPPED_SECONDS)
            assert flood.sent == held
            assert held - before < MOST_BYTES
        finally:
            stack.signal("receiver", signal.SIGCONT)
        await eventually(lambda: asyncio.sleep(0, flood.sent > held + MOST_BYTES), within=20)
