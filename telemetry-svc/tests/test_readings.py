"""Single readings, and reading back."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from servicekit.testing import eventually
from telemetry_svc.clock import system

Make = Callable[..., Any]
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def at(time_ms: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromMilliseconds(time_ms)
    return timestamp


async def refused(call: Any, code: grpc.StatusCode, reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    assert (error.value.code(), reason in str(error.value.trailing_metadata())) == (code, True)


async def test_a_single_reading_is_answered_when_it_is_stored(inventory: Any, admin: Any) -> None:
    await inventory.deploy(7)
    created = await admin.create(7, {"temperature": 21.5, "load": 3})
    assert dict(created.metrics) == {"temperature": 21.5, "load": 3}
    assert abs(created.time.ToMilliseconds() - system()) < 5_000
    assert await admin.read(7) == [(created.time.ToMilliseconds(), {"temperature": 21.5, "load": 3})]


async def test_a_single_reading_keeps_the_time_that_it_says(inventory: Any, device: Any) -> None:
    await inventory.deploy(7)
    now = system() - 1_000
    created = await device.create(7, {"temperature": 1}, time=at(now))
    assert created.time.ToMilliseconds() == now


async def test_a_time_before_time_began_is_not_taken_for_none(inventory: Any, admin: Any) -> None:
    await inventory.deploy(7)
    await refused(admin.create(7, {"temperature": 1}, time={}), INVALID, "TIME_TOO_OLD")
    await refused(admin.create(7, {"temperature": 1}, time={"nanos": 900_000}), INVALID, "TIME_TOO_OLD")
    assert await admin.read(7) == []


@pytest.mark.parametrize("time", [{"nanos": -5}, {"seconds": 2**62}, {"seconds": -(2**62)}, {"nanos": 2_000_000_000}])
async def test_a_time_that_is_none_is_refused(inventory: Any, admin: Any, time: dict[str, int]) -> None:
    await inventory.deploy(7)
    await refused(admin.create(7, {"temperature": 1}, time=time), INVALID, "INVALID_FIELD")
    for field in ("start_time", "end_time"):
        await refused(admin.page(7, **{field: time}), INVALID, "INVALID_FIELD")


async def test_readings_at_the_same_moment_are_each_given_a_time(inventory: Any, admin: Any) -> None:
    await inventory.deploy(7)
    times = {(await admin.create(7, {"temperature": value})).time.ToMilliseconds() for value in range(5)}
    assert len(times) == len(await admin.read(7)) == 5


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"temperature": "1"},
        {"temperature": None},
        {"temperature": True},
        {"temperature": [1]},
        {"Temperature": 1},
        {"": 1},
        {f"m{number}": 1 for number in range(65)},
    ],
)
async def test_metrics_that_cannot_be_are_refused(inventory: Any, admin: Any, metrics: dict[str, Any]) -> None:
    await inventory.deploy(7)
    await refused(admin.create(7, metrics), INVALID, "INVALID_FIELD")
    assert await admin.read(7) == []


@pytest.mark.parametrize("device_id", [-1, 0, 6, 2_000_000_000])
async def test_devices_that_are_not_there_are_not_found(inventory: Any, admin: Any, device_id: int) -> None:
    await inventory.deploy(7)
    await refused(admin.create(device_id, {"temperature": 1}), NOT_FOUND, "UNKNOWN_DEVICE")
    await refused(admin.page(device_id), NOT_FOUND, "UNKNOWN_DEVICE")
    await refused(admin.health(device_id), NOT_FOUND, "UNKNOWN_DEVICE")


async def test_a_device_in_stock_does_not_send(inventory: Any, admin: Any) -> None:
    await inventory.tell(7, "in_stock", key="registered")
    await refused(admin.create(7, {"temperature": 1}), grpc.StatusCode.FAILED_PRECONDITION, "DEVICE_NOT_DEPLOYED")


async def test_times_that_are_out_of_bounds_are_refused(inventory: Any, admin: Any) -> None:
    await inventory.deploy(7)
    now = system()
    await refused(admin.create(7, {"temperature": 1}, time=at(now + 400_000)), INVALID, "TIME_IN_FUTURE")
    await refused(admin.create(7, {"temperature": 1}, time=at(now - 366 * 86_400_000)), INVALID, "TIME_TOO_OLD")


async def test_a_device_has_no_part_in_another(inventory: Any, device: Any) -> None:
    await inventory.deploy(7, 8)
    denied = grpc.StatusCode.PERMISSION_DENIED
    await refused(device.create(8, {"temperature": 1}), denied, "NOT_OWN_DEVICE")
    await refused(device.page(8), denied, "NOT_OWN_DEVICE")
    await refused(device.health(8), denied, "NOT_OWN_DEVICE")


async def test_a_viewer_reads_and_does_not_write(inventory: Any, viewer: Any) -> None:
    await inventory.deploy(7)
    await refused(viewer.create(7, {"temperature": 1}), grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert await viewer.read(7) == []


async def test_pages_follow_each_other_without_gap_or_overlap(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    now = system()
    for sequence, start in enumerate((20, 0, 10), start=1):
        times = [now + start + row for row in range(10)]
        await device.send(batch(sequence, times, temperature=[float(start + row) for row in range(10)]))
    found, token = [], ""
    while not found or token:
        page = await device.page(7, page_size=7, page_token=token)
        found += [one.time.ToMilliseconds() - now for one in page.readings]
        token = page.next_page_token
    assert found == list(reversed(range(30)))


async def test_a_range_begins_with_its_start_and_ends_before_its_end(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    now = system()
    await device.send(batch(1, [now, now + 1, now + 2, now + 3], temperature=[0, 1, 2, 3]))
    found = await device.read(7, start_time=at(now + 1), end_time=at(now + 3))
    assert [time_ms - now for time_ms, _ in found] == [2, 1]


async def test_only_the_metrics_asked_for_and_only_readings_that_have_them(
    inventory: Any, device: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    now = system()
    gap = float("nan")
    await device.send(batch(1, [now, now + 1, now + 2], temperature=[0, 1, gap], load=[0.5, gap, 2.5], fan=[1, 1, 1]))
    assert await device.read(7, metric=["load", "temperature"]) == [
        (now + 2, {"load": 2.5}),
        (now + 1, {"temperature": 1}),
        (now, {"load": 0.5, "temperature": 0}),
    ]
    assert await device.read(7, metric=["load"]) == [(now + 2, {"load": 2.5}), (now, {"load": 0.5})]
    assert await device.read(7, metric=["nothing"]) == []


async def test_bad_questions_are_refused(inventory: Any, device: Any) -> None:
    await inventory.deploy(7)
    await refused(device.page(7, start_time=at(2), end_time=at(1)), INVALID, "INVALID_FIELD")
    await refused(device.page(7, page_size=-1), INVALID, "INVALID_FIELD")
    await refused(device.page(7, page_token="nonsense"), INVALID, "INVALID_PAGE_TOKEN")
    token = "x"
    await refused(device.page(7, metric=["load"], page_token=token), INVALID, "INVALID_PAGE_TOKEN")


async def test_health_tells_of_the_newest_values(inventory: Any, device: Any, admin: Any, batch: Make) -> None:
    await inventory.deploy(7)
    before = await admin.health(7)
    assert (before.status, before.online, before.HasField("last_seen")) == ("deployed", False, False)
    now = system()
    await device.send(batch(1, [now, now - 1], temperature=[21.5, 3.0]), batch(2, [now - 5], load=[0.25]))

    async def heard() -> Any:
        health = await admin.health(7)
        return health if "load" in health.latest and health.online else None

    health = await eventually(heard)
    assert health.name == "Device 7"
    assert health.latest["temperature"].value == 21.5
    assert health.latest["temperature"].time.ToMilliseconds() == now
    assert health.latest["load"].time.ToMilliseconds() == now - 5
    assert abs(health.last_seen.ToMilliseconds() - now) < 5_000


async def test_the_fleet_is_listed_by_id_and_by_whether_it_is_online(inventory: Any, admin: Any) -> None:
    await inventory.deploy(3, 1, 2000)
    page = await admin.fleet(page_size=2)
    assert [device.device_id for device in page.devices] == [1, 3]
    page = await admin.fleet(page_size=2, page_token=page.next_page_token)
    assert [device.device_id for device in page.devices] == [2000]
    assert page.next_page_token == ""
    assert (await admin.fleet(online=True)).devices == []
    assert len((await admin.fleet(online=False)).devices) == 3
