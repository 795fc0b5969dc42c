"""Which times a reading may have: by the clock of the server, and by what the device's type says."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fieldstock.inventory.v1 import events_pb2
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import eventually, refused
from telemetry_svc.device_types import DAY_MS
from telemetry_svc.store import Store

Make = Callable[..., Any]
Keep = Callable[[str, int], Awaitable[None]]


@pytest.fixture
def keep(broker: Broker, store: Store) -> Keep:
    """A type of devices whose readings are kept for so many days; returns when the service heard of it."""
    versions: dict[str, int] = {}

    async def tell(device_type: str, days: int) -> None:
        version = versions[device_type] = versions.get(device_type, 0) + 1
        changed = events_pb2.DeviceTypeChanged()
        changed.type.type, changed.type.retention_days, changed.type.version = device_type, days, version
        await broker.publish(Event.of("inventory.type.updated", changed))
        await eventually(lambda: store.types.find_one({"_id": device_type, "version": version}))

    return tell


def rejections(summary: Any) -> list[tuple[str, int]]:
    return [(rejection.reason, rejection.rows) for rejection in summary.rejections]


async def test_readings_are_refused_that_are_older_than_their_devices_type_keeps_them(
    inventory: Any, gateway: Any, admin: Any, batch: Make, keep: Keep, clock: Any
) -> None:
    await keep("brief", 1)
    await keep("archive", 1_000)
    await inventory.deploy(7, type="brief")
    await inventory.deploy(8, type="archive")
    await inventory.deploy(9, type="any")  # 365 days
    now = clock()
    ages = {7: [0.99, 1.01], 8: [999, 1_001], 9: [364, 366]}
    rows = [(device_id, now - round(days * DAY_MS)) for device_id, pair in ages.items() for days in pair]
    summary = await gateway.send(
        batch(1, [time_ms for _, time_ms in rows], device=[device_id for device_id, _ in rows], load=[1.0] * 6)
    )
    assert rejections(summary) == [("TIME_TOO_OLD", 3)]
    assert summary.rejections[0].message.endswith("is older than 86400 s")
    for device_id, (kept, _) in ages.items():
        assert [time_ms for time_ms, _ in await admin.read(device_id)] == [now - round(kept * DAY_MS)]


async def test_one_reading_over_rest_is_judged_by_the_type_as_well(
    inventory: Any, admin: Any, keep: Keep, clock: Any
) -> None:
    await keep("brief", 1)
    await inventory.deploy(7, type="brief")
    time = {"seconds": (clock() - 2 * DAY_MS) // 1000}
    assert (await refused(admin.create(7, {"load": 1.0}, time=time))).reason == "TIME_TOO_OLD"
    await keep("brief", 3)
    await admin.create(7, {"load": 1.0}, time=time)


async def test_late_readings_are_kept_where_they_belong_and_are_never_the_latest(
    inventory: Any, device: Any, admin: Any, batch: Make, clock: Any
) -> None:
    await inventory.deploy(7)
    now = clock()
    await device.send(batch(1, [now], load=[3.0]))
    await device.send(batch(2, [now - 5_000, now - 9_000], load=[2.0, 1.0]))
    assert await device.read(7) == [(now, {"load": 3}), (now - 5_000, {"load": 2}), (now - 9_000, {"load": 1})]

    async def heard() -> bool:
        return bool((await admin.health(7)).latest)

    await eventually(heard)
    assert (await admin.health(7)).latest["load"].value == 3


async def test_a_row_without_a_time_has_the_servers(inventory: Any, device: Any, batch: Make, clock: Any) -> None:
    await inventory.deploy(7)
    before = clock()
    await device.send(batch(1, [0, 0], load=[1.0, 2.0]))
    (second, _), (first, _) = await device.read(7)
    assert before <= first < second <= clock() + 1
