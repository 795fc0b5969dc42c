"""The fleet in numbers, and many devices' readings in pages."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from servicekit.testing import eventually, refused
from telemetry_svc.clock import system
from telemetry_svc.history.listing import Listing
from telemetry_svc.history.queries import Readings, Span
from telemetry_svc.history.segments import Segments
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.store import Store

Make = Callable[..., Any]


def at(time_ms: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromMilliseconds(time_ms)
    return timestamp


async def test_stats_count_devices_alerts_and_values(inventory: Any, admin: Any, batch: Make) -> None:
    await inventory.deploy(1, 2, 3, location="Hall 1/Line 2")
    await inventory.tell(4, "in_stock", location="Hall 1")
    await inventory.deploy(5, type="pump", location="Hall 10")
    await admin.add_rule()
    now = system()
    nan = float("nan")
    await admin.send(
        batch(1, [now - 2, now - 1], device=[1, 2], temperature=[20, 90], load=[nan, 0.5]),
        batch(2, [now - 1, now - 3], device=[2, 5], temperature=[90, 40]),  # one came twice
        batch(3, [now - 4_000_000], device=5, temperature=[-40]),
    )
    await admin.alert()

    async def heard() -> Any:
        stats = await admin.stats()
        return stats if stats.devices.online == 3 and stats.metrics["temperature"].count == 3 else None

    # What came twice is found out by the fold, and so is that what came late did not.
    stats = await eventually(heard, within=10)
    assert (stats.devices.offline, stats.devices.never_seen) == (0, 1)
    assert (stats.alerts.info, stats.alerts.warning, stats.alerts.critical) == (0, 0, 1)
    temperature = stats.metrics["temperature"]
    assert (temperature.min, temperature.max, temperature.avg, temperature.count) == (20, 90, 50, 3)
    assert (stats.metrics["load"].count, stats.metrics["load"].avg) == (1, 0.5)
    assert 3_600 <= stats.end_time.seconds - stats.start_time.seconds <= 3_600 + 120
    assert stats.start_time.seconds % 60 == 0

    async def late_counted() -> bool:
        longer = (await admin.stats(window=86_400)).metrics["temperature"]
        return (longer.min, longer.count) == (-40, 4)

    await eventually(late_counted, within=10)

    hall = await admin.stats(location="HALL 1/*")
    assert (hall.devices.online, hall.devices.never_seen, hall.alerts.critical) == (2, 1, 1)
    assert hall.metrics["temperature"].max == 90
    pumps = await admin.stats(type="pump")
    assert (pumps.devices.online, pumps.alerts.critical, pumps.metrics["temperature"].count) == (1, 0, 1)
    assert not (await admin.stats(location="Hall 1")).metrics
    assert not (await admin.stats(type="nothing")).metrics


@pytest.mark.parametrize("window", [-1, 59, 86_401])
async def test_a_window_that_is_too_short_or_too_long_is_refused(admin: Any, window: int) -> None:
    no = await refused(admin.stats(window=window))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["window"])


async def filled(inventory: Any, admin: Any, batch: Make, now: int) -> list[tuple[int, int]]:
    """Seven devices with readings that overlap; (device, time) as they are to be listed."""
    await inventory.deploy(1, 2, 3, 65, 66, 130, 2000)
    expected = []
    for sequence in range(1, 6):
        devices = [1, 65, 3, 130, 2000] * 4
        times = [now - 1_000 * sequence + row for row in range(20)]
        await admin.send(batch(1, times, device=devices, temperature=[float(row) for row in range(20)]))
        expected += list(zip(devices, times, strict=True))
    return sorted(expected, key=lambda one: (one[0], -one[1]))


async def walk(admin: Any, **fields: Any) -> list[tuple[int, int]]:
    found, token = [], ""
    while True:
        page = await admin.readings(page_token=token, **fields)
        assert len(page.readings) <= fields.get("page_size", 50)
        found += [(one.device_id, one.time.ToMilliseconds()) for one in page.readings]
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("size", [1, 7, 500])
async def test_readings_of_all_devices_come_by_device_and_newest_first(
    inventory: Any, admin: Any, batch: Make, size: int
) -> None:
    expected = await filled(inventory, admin, batch, system())
    assert await walk(admin, page_size=size) == expected


async def test_readings_of_named_devices_within_a_range(inventory: Any, admin: Any, batch: Make) -> None:
    now = system()
    expected = await filled(inventory, admin, batch, now)
    assert await walk(admin, device_id=[65, 1, 65], page_size=3) == [one for one in expected if one[0] in (1, 65)]
    start, end = now - 3_000, now - 1_000
    found = await walk(admin, device_id=[3], start_time=at(start), end_time=at(end), page_size=2)
    assert found == [one for one in expected if one[0] == 3 and start <= one[1] < end]
    await admin.send(batch(1, [now - 7_200_000], device=2, load=[1]))
    assert await walk(admin, metric=["load"]) == []
    assert await walk(admin, metric=["load"], start_time=at(0)) == [(2, now - 7_200_000)]


async def test_a_page_that_costs_too_much_ends_early_and_nothing_is_missed(
    inventory: Any, admin: Any, batch: Make, store: Store
) -> None:
    now = system()
    expected = await filled(inventory, admin, batch, now)
    readings = Readings(Journal(store.journal, patience_seconds=1), Segments(store.segments))
    listing = Listing(readings, most_bytes=500)
    devices = np.array([1, 2, 3, 65, 66, 130, 2000], np.int32)
    found, first, pages = [], now + 10_000, 0
    span = Span(now - 3_600_000, now + 10_000, ())
    while True:
        page = await listing.page(devices, span, 50, first)
        found += [(one.device_id, one.time_ms) for one in page.readings]
        pages += 1
        if page.rest is None:
            break
        devices, first = devices[devices >= page.rest[0]], page.rest[1]
    assert found == expected
    assert pages > 3


async def test_of_a_cell_that_came_twice_there_is_one(inventory: Any, admin: Any, batch: Make) -> None:
    await inventory.deploy(1)
    now = system()
    for value in (1.0, 2.0):
        await admin.send(batch(1, [now], device=1, temperature=[value]))
    await admin.send(batch(1, [now], device=1, load=[3.0]))
    (reading,) = (await admin.readings()).readings
    assert dict(reading.metrics) == {"temperature": 1.0, "load": 3.0}


async def test_questions_that_cannot_be_are_refused(inventory: Any, admin: Any, device: Any) -> None:
    await inventory.deploy(7)
    wrong = [
        ({"device_id": [7] * 101}, "INVALID_FIELD"),
        ({"start_time": at(2), "end_time": at(1)}, "INVALID_FIELD"),
        ({"page_size": -1}, "INVALID_FIELD"),
        ({"page_token": "nonsense"}, "INVALID_PAGE_TOKEN"),
    ]
    for fields, reason in wrong:
        no = await refused(admin.readings(**fields))
        assert (no.code, no.reason) == ("INVALID_ARGUMENT", reason)
    for device_id in (-1, 0, 8, 2_000_000_000):
        no = await refused(admin.readings(device_id=[7, device_id]))
        assert (no.code, no.reason) == ("NOT_FOUND", "UNKNOWN_DEVICE")
    for call in (device.readings(device_id=[7]), device.stats()):
        assert (await refused(call)).code == "PERMISSION_DENIED"
