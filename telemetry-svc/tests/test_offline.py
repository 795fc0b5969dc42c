"""Devices that fall silent, in the running service: its clock is moved, nobody waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from fieldstock.telemetry.v1 import events_pb2
from servicekit.broker import LIVE, Broker
from servicekit.event import Event
from telemetry_svc.clock import system
from telemetry_svc.watch.handover import Handover
from telemetry_svc.watch.owner import SWEEP_SECONDS

Make = Callable[..., Any]


@pytest.fixture
async def presence(vhost: str) -> AsyncIterator[Callable[[], Any]]:
    """The next event of presence: its key and the message."""
    events: asyncio.Queue[Event] = asyncio.Queue()

    async def handle(some: Sequence[Event]) -> None:
        for event in some:
            events.put_nowait(event)

    async def following() -> tuple[str, Any]:
        event = await asyncio.wait_for(events.get(), 5)
        return event.key, events_pb2.PresenceChanged.FromString(event.body)

    async with Broker(vhost, "listener") as broker:
        await broker.declare("listener", ["telemetry.presence.*"])
        broker.consume("listener", ["telemetry.presence.*"], handle)
        yield following


async def test_a_device_that_falls_silent_is_told_of_and_alerted_and_comes_back(
    inventory: Any, device: Any, admin: Any, batch: Make, clock: Any, presence: Any
) -> None:
    await inventory.deploy(7)
    clock.move(400)  # the time that it has to be switched on is over
    await device.send(batch(1, [clock()], temperature=[20]))
    key, came = await presence()
    assert (key, came.device_id, came.online) == ("telemetry.presence.online", 7, True)
    assert (await admin.health(7)).online
    clock.move(61)
    alert = await admin.alert(rule_id="offline")
    assert (alert.device_id, alert.kind, alert.severity) == (7, "offline", "warning")
    assert alert.message == "silent for more than 60 s"
    assert alert.opened_at.ToMilliseconds() == came.last_seen.ToMilliseconds() + 60_000
    key, went = await presence()
    assert (key, went.online, went.last_seen) == ("telemetry.presence.offline", False, came.last_seen)
    assert went.version > came.version
    assert not (await admin.health(7)).online
    await device.send(batch(1, [clock()], temperature=[20]))
    assert (await admin.alert(state="resolved")).resolved_because == "condition_cleared"
    assert (await presence())[0] == "telemetry.presence.online"


async def test_what_is_stored_and_was_not_seen_yet_is_no_silence(
    inventory: Any, device: Any, admin: Any, batch: Make, clock: Any, presence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await inventory.deploy(7)
    clock.move(400)
    await device.send(batch(1, [clock()], temperature=[20]))
    assert (await presence())[0] == "telemetry.presence.online"
    get, held, seen = Handover.get, asyncio.Event(), asyncio.Event()

    async def late(self: Handover, seconds: float) -> Any:
        held.set()
        await seen.wait()
        return await get(self, seconds)

    monkeypatch.setattr(Handover, "get", late)
    await held.wait()
    clock.move(61)
    await device.send(batch(1, [clock()], temperature=[20]))
    await asyncio.sleep(3 * SWEEP_SECONDS)
    assert (await admin.health(7)).online
    seen.set()
    await asyncio.sleep(3 * SWEEP_SECONDS)
    assert (await admin.health(7)).online
    assert await admin.alerts(rule_id="offline", state="all") == []


async def test_a_device_that_never_speaks_is_missed_after_its_grace(
    inventory: Any, admin: Any, clock: Any, presence: Any
) -> None:
    await inventory.deploy(7)
    clock.move(299)
    await inventory.deploy(8)
    assert await admin.alerts() == []
    clock.move(2)
    alert = await admin.alert()
    assert (alert.device_id, alert.message) == (7, "never heard of")
    key, went = await presence()
    assert (key, went.device_id, went.HasField("last_seen")) == ("telemetry.presence.offline", 7, False)


async def test_a_recall_ends_the_alert_of_silence(inventory: Any, admin: Any, clock: Any) -> None:
    await inventory.deploy(7)
    clock.move(301)
    await admin.alert()
    await inventory.tell(7, "in_stock")
    assert (await admin.alert(state="resolved")).resolved_because == "device_recalled"
    assert await admin.alerts() == []


async def test_the_newest_readings_are_published_for_those_who_look(
    inventory: Any, device: Any, batch: Make, vhost: str
) -> None:
    await inventory.deploy(7)
    seen: asyncio.Queue[Any] = asyncio.Queue()

    async def handle(event: Event) -> None:
        seen.put_nowait(events_pb2.LatestReadings.FromString(event.body))

    ready = asyncio.Event()

    async def on_connect() -> None:
        ready.set()

    async with Broker(vhost, "edge") as edge:
        edge.subscribe(["readings"], handle, on_connect=on_connect, exchange=LIVE)
        await ready.wait()
        now = system()
        await device.send(batch(1, [now - 1, now], temperature=[20, 21], load=[0.5, float("nan")]))
        latest = await asyncio.wait_for(seen.get(), 5)
    assert list(latest.device_id) == [7]
    assert list(latest.time_ms) == [now]
    assert {series.metric: list(series.values) for series in latest.series} == {"temperature": [21], "load": [0.5]}
