"""Readings: the newest of a device, at most one in a while."""

import math
from typing import Any

import pytest

from fieldstock.telemetry.v1 import events_pb2
from gateway.readings import Reading, readings_of
from gateway.testing import Watcher

NAN = math.nan


async def test_a_reading_reaches_who_follows_its_device(watcher: Watcher, publisher: Any):
    await watcher.subscribe("device:7")
    await publisher.readings(
        device_id=[6, 7, 8], time_ms=[1, 1_700_000_000_250, 3], temperature=[1.0, 21.5, 2.0], cpu=[NAN, NAN, 3.0]
    )
    assert await watcher.next("reading") == {
        "device_id": 7,
        "time": "2023-11-14T22:13:20.250Z",
        "metrics": {"temperature": 21.5},
    }
    assert watcher.pending("reading") == []


async def test_of_many_readings_the_first_comes_at_once_and_the_last_comes_next(watcher: Watcher, publisher: Any):
    await watcher.subscribe("device:7")
    for number in range(1, 21):
        await publisher.readings(device_id=[7], time_ms=[number], temperature=[float(number)])
    await publisher.readings(device_id=[7], time_ms=[21], cpu=[5.0])
    assert (await watcher.next("reading"))["metrics"] == {"temperature": 1}
    assert (await watcher.next("reading"))["metrics"] == {"temperature": 20, "cpu": 5}
    assert watcher.pending("reading") == []


async def test_who_stopped_following_hears_no_more_readings(watcher: Watcher, publisher: Any):
    await watcher.subscribe("device:7", "device:8")
    await watcher.call("unsubscribe", {"topics": ["device:7"]})
    await publisher.readings(device_id=[7, 8], time_ms=[1, 1], temperature=[1.0, 2.0])
    assert (await watcher.next("reading"))["device_id"] == 8
    assert watcher.pending("reading") == []


async def test_a_batch_that_cannot_be_read_holds_nobody_up(watcher: Watcher, publisher: Any):
    await watcher.subscribe("device:7")
    await publisher.readings(device_id=[7], time_ms=[1, 2], temperature=[1.0])
    await publisher.readings(device_id=[7], time_ms=[1], temperature=[1.0, 2.0])
    await publisher.readings(device_id=[7], time_ms=[1], temperature=[3.0])
    assert (await watcher.next("reading"))["metrics"] == {"temperature": 3}


def test_only_rows_of_devices_that_somebody_follows_become_readings():
    batch = events_pb2.LatestReadings(device_id=range(100_000), time_ms=[5] * 100_000)
    batch.series.add(metric="cpu", values=[1.0] * 100_000)
    assert list(readings_of({70_000}, batch)) == [Reading(70_000, 5, {"cpu": 1.0})]


def test_a_row_without_a_value_is_no_reading():
    batch = events_pb2.LatestReadings(device_id=[7], time_ms=[5])
    batch.series.add(metric="cpu", values=[NAN])
    assert list(readings_of({7}, batch)) == []


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="different length"):
        list(readings_of({7}, events_pb2.LatestReadings(device_id=[7, 7], time_ms=[5])))


def test_a_reading_that_is_late_fills_in_what_is_missing():
    reading = Reading(7, 10, {"cpu": 1.0})
    reading.merge(Reading(7, 5, {"cpu": 9.0, "temperature": 20.0}))
    assert reading == Reading(7, 10, {"cpu": 1.0, "temperature": 20.0})
    reading.merge(Reading(7, 11, {"cpu": 2.0}))
    assert reading == Reading(7, 11, {"cpu": 2.0, "temperature": 20.0})
