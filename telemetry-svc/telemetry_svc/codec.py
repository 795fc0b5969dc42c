"""What is known of readings and devices, as protobuf."""

from collections.abc import Mapping

import numpy as np

from fieldstock.telemetry.v1 import (
    device_health_service_pb2,
    events_pb2,
    reading_pb2,
    reading_service_pb2,
    stats_service_pb2,
)
from telemetry_svc.columns.fleet import Fleet, Presence
from telemetry_svc.columns.frame import Ids
from telemetry_svc.columns.rows import UNKNOWN
from telemetry_svc.columns.tally import Numbers


def reading(device_id: int, time_ms: int, metrics: dict[str, float], received_ms: int = UNKNOWN) -> reading_pb2.Reading:
    """One reading, as REST shows it."""
    message = reading_pb2.Reading(device_id=device_id, metrics=metrics)
    message.time.FromMilliseconds(time_ms)
    if received_ms != UNKNOWN:
        message.received_at.FromMilliseconds(received_ms)
    return message


def metric_stats(numbers: Numbers) -> stats_service_pb2.MetricStats:
    """Of at least one value."""
    return stats_service_pb2.MetricStats(
        min=numbers.least, max=numbers.most, avg=numbers.total / numbers.count, count=numbers.count
    )


def bucket(start_ms: int, metrics: Mapping[str, Numbers]) -> reading_service_pb2.ReadingBucket:
    """A step's readings in numbers."""
    message = reading_service_pb2.ReadingBucket()
    message.start_time.FromMilliseconds(start_ms)
    for metric, numbers in metrics.items():
        message.metrics[metric].CopyFrom(metric_stats(numbers))
    return message


def newest(fleet: Fleet, devices: Ids) -> events_pb2.LatestReadings:
    """The newest values of some known devices, one row each. A row's time is that of its newest value."""
    time_ms = np.zeros(len(devices), np.int64)
    message = events_pb2.LatestReadings(device_id=devices.tolist())
    for metric, latest in fleet.latest.items():
        times = latest.time_ms[devices]
        if times.any():
            message.series.add(metric=metric, values=np.where(times > 0, latest.value[devices], np.nan).tolist())
            np.maximum(time_ms, times, out=time_ms)
    message.time_ms.extend(time_ms.tolist())
    return message


def health(
    fleet: Fleet, device_id: int, facts: Mapping[str, str], open_alerts: int, severity: str
) -> device_health_service_pb2.DeviceHealth:
    """What is known of a known device. `facts`: what is stored of it; `severity`: of its worst open alert."""
    message = device_health_service_pb2.DeviceHealth(
        device_id=device_id,
        name=facts.get("name", ""),
        type=facts.get("type", ""),
        location=facts.get("location", ""),
        serial_number=facts.get("serial_number", ""),
        severity=severity,
        status=fleet.status_of(device_id).name.lower(),
        online=bool(fleet.presence[device_id] == Presence.ONLINE),
        open_alerts=open_alerts,
        version=int(fleet.version[device_id]),
    )
    if fleet.clocks.heard_ms[device_id]:
        message.clock_skew_ms = round(float(fleet.clocks.ahead_ms[device_id]))
    if fleet.last_seen_ms[device_id]:
        message.last_seen.FromMilliseconds(int(fleet.last_seen_ms[device_id]))
    for metric, latest in fleet.latest.items():
        if latest.time_ms[device_id]:
            message.latest[metric].value = latest.value[device_id]
            message.latest[metric].time.FromMilliseconds(int(latest.time_ms[device_id]))
    return message
