"""For how long readings are kept, and how few or many a device may send."""

from collections.abc import Callable
from typing import Any

import pytest

from fieldstock.inventory.v1 import events_pb2
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import eventually
from telemetry_svc.device_types import DAY_MS
from telemetry_svc.history import folding
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store

Make = Callable[..., Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folds whatever there is, at once."""
    return settings.model_copy(update={"fold_rows": 1, "retention_days": 10})


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for what is old all the time."""
    monkeypatch.setattr(folding, "FORGET_SECONDS", 0.05)


async def test_readings_go_when_their_devices_type_has_kept_them_for_long_enough(
    inventory: Any, admin: Any, batch: Make, store: Store, broker: Broker, clock: Any
) -> None:
    for device_type, days in (("brief", 1), ("archive", 1_000)):
        changed = events_pb2.DeviceTypeChanged()
        changed.type.type, changed.type.retention_days, changed.type.version = device_type, days, 1
        await broker.publish(Event.of("inventory.type.updated", changed))
    await inventory.deploy(7, type="brief")
    await inventory.deploy(8, type="archive")
    await inventory.deploy(9, type="any")
    await eventually(lambda: store.types.find_one({"_id": "archive"}))
    now = clock()
    await admin.send(batch(1, [now] * 3, device=[7, 8, 9], load=[1.0] * 3))

    async def left() -> list[int]:
        return sorted([one["_id"]["device"] async for one in store.segments.find({})])

    async def left_are(*devices: int) -> None:
        async def so() -> bool:
            return await left() == list(devices) and await store.journal.count_documents({}) == 0

        await eventually(so, within=10)

    await left_are(7, 8, 9)
    clock.move(1.5 * DAY_MS / 1000)
    await left_are(8, 9)
    clock.move(9 * DAY_MS / 1000)
    await left_are(8)
    assert await admin.read(7) == await admin.read(9) == []
    assert await admin.read(8) == [(now, {"load": 1})]


async def test_a_device_of_a_reading_a_day_and_one_of_a_hundred_a_second_are_both_at_home(
    inventory: Any, admin: Any, gateway: Any, batch: Make, store: Store, clock: Any
) -> None:
    await inventory.deploy(7, 71)
    now = clock()
    days = [now - day * DAY_MS for day in range(9, -1, -1)]
    for sequence, time in enumerate(days, start=1):
        await gateway.send(batch(sequence, [time], device=7, level=[float(sequence)]))
    # Half of a minute and half of the next one, each with all of the hundred values.
    hundred = [now // 60_000 * 60_000 - 90_000 + 10 * row for row in range(6_000)]
    metrics = {f"m{number}": [float(number + row % 100) for row in range(6_000)] for number in range(8)}
    await gateway.send(batch(1, hundred, device=71, **metrics))

    async def folded() -> bool:
        return await store.journal.count_documents({}) == 0

    await eventually(folded, within=20)
    assert await admin.read(7) == [(time, {"level": 10.0 - back}) for back, time in enumerate(reversed(days))]
    # A segment for each piece that came would be ten.
    assert await store.segments.count_documents({"_id.device": 7}) == 1
    newest = await admin.read(71, page_size=2)
    assert newest[0] == (hundred[-1], {f"m{number}": number + 99.0 for number in range(8)})
    page = await admin.page(71, step=60, metric=["m3"])
    assert sum(bucket.metrics["m3"].count for bucket in page.buckets) == 6_000
    assert {(one.metrics["m3"].min, one.metrics["m3"].max) for one in page.buckets} == {(3, 102)}
