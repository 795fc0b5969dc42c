"""Readings between protobuf and columns."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

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
from telemetry_svc.columns.tally import Numbers

MAX_ROWS, MAX_METRICS = 10_000, 64
# From here on a piece is an array of its own: measured.
LONG_ROWS = 32
METRIC = re.compile(r"[a-z][a-z0-9_]{0,63}")
# So much is told back of a name that is none: it travels in a header, and too long ones end a connection.
LONGEST_ECHO = 64


class Sender(Protocol):
    """Who sent a batch. `own_device`: the only device it may speak for, which it need not name; 0: any."""

    @property
    def own_device(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """Rows of one sender that can never be stored. `message`: in words, of the first."""

    sender: Sender
    reason: str
    rows: int
    message: str


class Column:
    """A column that grows by pieces of protobuf's repeated fields.

    A long piece is cheapest as an array of its own, a short one as values in a list: for a list each value becomes an
    object, for an array each piece does, and both take their time.
    """

    __slots__ = ("_arrays", "_dtype", "_loose")

    def __init__(self, dtype: type[np.generic]) -> None:
        self._dtype = dtype
        self._arrays: list[np.ndarray] = []
        self._loose: list[float] = []

    def extend(self, values: Collection[float], rows: int) -> None:
        """Appends a piece of so many values."""
        if rows < LONG_ROWS:
            self._loose.extend(values)
            return
        self._flush()
        self._arrays.append(np.asarray(values, self._dtype))

    def repeat(self, value: int, rows: int) -> None:
        """Appends the same value so many times."""
        if rows < LONG_ROWS:
            self._loose.extend([value] * rows)
            return
        self._flush()
        self._arrays.append(np.full(rows, value, self._dtype))

    def array(self) -> np.ndarray:
        """The column, of all pieces in their order."""
        self._flush()
        return np.concatenate(self._arrays) if self._arrays else np.empty(0, self._dtype)

    def _flush(self) -> None:
        if self._loose:
            self._arrays.append(np.array(self._loose, self._dtype))
            self._loose = []


@dataclass(slots=True)
class Section:
    """Batches of one set of metrics end to end, as they came: `rows[i]` rows are those of `senders[i]`."""

    values: dict[str, Column]
    device: Column = field(default_factory=lambda: Column(np.int32))
    time_ms: Column = field(default_factory=lambda: Column(np.int64))
    rows: list[int] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the series of a batch go, in the batch's order; or why they go nowhere."""

    section: Section
    columns: list[Column]
    problem: tuple[str, str] | None


class Intake:
    """The batches of one group as they came. Only their shape is looked at here: what is in them is for admission,
    which sees all rows of the group at once.
    """

    def __init__(self) -> None:
        self.sections: dict[tuple[str, ...], Section] = {}
        self.refusals: list[Refusal] = []
        self.rows = 0
        self.bytes = 0
        self._layouts: dict[tuple[str, ...], _Layout] = {}

    def add(self, batch: reading_pb2.ReadingBatch, sender: Sender) -> int:
        """Takes in a batch; one that is no rectangle becomes a refusal as a whole. Gives how many rows it has."""
        series, times, devices = batch.series, batch.time_ms, batch.device_id
        if len(series) > MAX_METRICS:
            # Before they are looked at one by one: a message has room for two million empty ones.
            return self._refuse(batch, sender, "INVALID_BATCH", f"{len(series)} metrics are more than {MAX_METRICS}")
        names = tuple([one.metric for one in series])
        layout = self._layouts.get(names) or self._layout(names)
        columns = [one.values for one in series]
        rows = len(times)
        problem = layout.problem or _shape_problem(rows, devices, columns, sender)
        if problem:
            return self._refuse(batch, sender, *problem)
        section = layout.section
        section.rows.append(rows)
        section.senders.append(sender)
        section.time_ms.extend(times, rows)
        if len(devices) == rows:
            section.device.extend(devices, rows)
        else:
            section.device.repeat(devices[0] if devices else sender.own_device, rows)
        for column, values in zip(layout.columns, columns, strict=True):
            column.extend(values, rows)
        self.rows += rows
        self.bytes += rows * (12 + 8 * len(columns))
        return rows

    def _refuse(self, batch: reading_pb2.ReadingBatch, sender: Sender, reason: str, why: str) -> int:
        columns = batch.series[:MAX_METRICS]
        rows = max([len(batch.time_ms), len(batch.device_id), *[len(one.values) for one in columns]])
        self.refusals.append(Refusal(sender, reason, rows, f"Batch {batch.sequence}: {why}"))
        return rows

    def _layout(self, names: tuple[str, ...]) -> _Layout:
        problem = _names_problem(names)
        # The order of a batch's series says nothing: one section for all orders of a set.
        ordered = tuple(sorted(names))
        section = self.sections.get(ordered) or Section({name: Column(np.float64) for name in ordered})
        if not problem:
            self.sections[ordered] = section
        layout = self._layouts[names] = _Layout(section, [section.values[name] for name in names], problem)
        return layout


def _names_problem(names: tuple[str, ...]) -> tuple[str, str] | None:
    if not names:
        return "INVALID_BATCH", "it has no metrics"
    if len(set(names)) < len(names):
        return "INVALID_BATCH", "a metric comes twice"
    wrong = next((name for name in names if not METRIC.fullmatch(name)), None)
    return (
        None if wrong is None else ("INVALID_METRIC", f"{wrong[:LONGEST_ECHO]!r} is no metric name ({METRIC.pattern})")
    )


def _shape_problem(rows: int, devices: object, columns: list, sender: Sender) -> tuple[str, str] | None:
    named = len(devices)  # pyright: ignore[reportArgumentType]
    for column in columns:
        if len(column) != rows:
            return "INVALID_BATCH", "its columns are not equally long"
    if not rows:
        return "INVALID_BATCH", "it has no rows"
    if rows > MAX_ROWS:
        return "INVALID_BATCH", f"{rows} rows are more than {MAX_ROWS}"
    if named > 1 and named != rows:
        return "INVALID_BATCH", f"{named} device ids for {rows} rows"
    if not named and not sender.own_device:
        return "INVALID_BATCH", "it names no device"
    return None


def one_row(device_id: int, time_ms: int, metrics: dict[str, float]) -> reading_pb2.ReadingBatch:
    """A batch of a single reading."""
    series = [reading_pb2.Series(metric=metric, values=[value]) for metric, value in metrics.items()]
    return reading_pb2.ReadingBatch(sequence=1, device_id=[device_id], time_ms=[time_ms], series=series)


def reading(device_id: int, time_ms: int, metrics: dict[str, float]) -> reading_pb2.Reading:
    """One reading, as REST shows it."""
    message = reading_pb2.Reading(device_id=device_id, metrics=metrics)
    message.time.FromMilliseconds(time_ms)
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
    if fleet.last_seen_ms[device_id]:
        message.last_seen.FromMilliseconds(int(fleet.last_seen_ms[device_id]))
    for metric, latest in fleet.latest.items():
        if latest.time_ms[device_id]:
            message.latest[metric].value = latest.value[device_id]
            message.latest[metric].time.FromMilliseconds(int(latest.time_ms[device_id]))
    return message
