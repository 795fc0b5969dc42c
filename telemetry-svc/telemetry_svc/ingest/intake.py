"""The batches of one group as columns that grow: only their shape is looked at here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from telemetry_svc.columns.frame import TIME, VALUE, Floats, Ids, Ints
from telemetry_svc.ingest.wire import MAX_METRICS, Batch, ids_of, varint

MAX_ROWS = 10_000
METRIC = re.compile(r"[a-z][a-z0-9_]{0,63}")
# So much is told back of a name that is none: it travels in a header, and too long ones end a connection.
LONGEST_ECHO = 64
# What else counts against a group's bytes. A set of metrics is judged and stored by itself: each column of it takes as
# long as some hundred rows, however few it has. And a refusal is kept until its sender is told.
COLUMN_BYTES, REFUSAL_BYTES = 8 * 1024, 1024


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


@dataclass(slots=True)
class Section:
    """Batches of one set of metrics end to end, as they came: `rows[i]` rows are those of `senders[i]`, which named
    `named[i]` devices, one for each row or one for all of them, and sent it at `sent_ms[i]` by their own clock, 0: not
    told. The columns are pieces of what came off the wire."""

    values: dict[str, list[bytes]]
    device: list[bytes] = field(default_factory=list)
    time_ms: list[bytes] = field(default_factory=list)
    named: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)
    sent_ms: list[int] = field(default_factory=list)

    def columns(self) -> tuple[Ids, Ints, dict[str, Floats]]:
        """Device, time and values of all rows."""
        device, named, rows = ids_of(b"".join(self.device)), np.array(self.named), np.array(self.rows)
        if (named != rows).any():
            device = np.repeat(device, np.repeat(np.where(named == 1, rows, 1), named))
        values = {metric: np.frombuffer(b"".join(pieces), VALUE) for metric, pieces in self.values.items()}
        # Bytes that can be written: rows without a time get one.
        return device, np.frombuffer(bytearray().join(self.time_ms), TIME), values


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the columns of a batch go, in the batch's order; or why they go nowhere."""

    section: Section
    columns: list[list[bytes]]
    problem: tuple[str, str] | None


class Intake:
    """What came for one group. What is in it is for admission, which sees all rows of the group at once.

    `bytes`: what it takes to hold and to store that, by rule of thumb; it grows with every batch, a refused one too.
    """

    def __init__(self) -> None:
        self.sections: dict[tuple[str, ...], Section] = {}
        self.refusals: list[Refusal] = []
        self.rows = 0
        self.bytes = 0
        self._layouts: dict[tuple[str, ...], _Layout] = {}

    def add(self, batch: Batch, sender: Sender) -> int:
        """Takes in a batch; one that is no rectangle becomes a refusal as a whole. Gives how many rows it has."""
        layout = self._layouts.get(batch.metrics) or self._layout(batch.metrics)
        rows = batch.rows
        problem = layout.problem or _shape_problem(batch, sender)
        if problem:
            return self._refuse(batch, sender, *problem)
        section = layout.section
        section.rows.append(rows)
        section.senders.append(sender)
        section.sent_ms.append(batch.sent_ms)
        section.time_ms.append(batch.time_ms)
        section.device.append(batch.device or varint(sender.own_device))
        section.named.append(batch.devices or 1)
        for column, values in zip(layout.columns, batch.values, strict=True):
            column.append(values)
        self.rows += rows
        self.bytes += rows * (12 + 8 * len(layout.columns))
        return rows

    def _refuse(self, batch: Batch, sender: Sender, reason: str, why: str) -> int:
        rows = max([batch.rows, batch.devices, *[len(one) // 8 for one in batch.values]])
        self.refusals.append(Refusal(sender, reason, rows, f"Batch {batch.sequence}: {why}"))
        self.bytes += REFUSAL_BYTES
        return rows

    def _layout(self, names: tuple[str, ...]) -> _Layout:
        problem = _names_problem(names)
        if problem:
            # Not remembered: senders could make up ever more of them.
            return _Layout(Section({}), [], problem)
        # The order of a batch's series says nothing: one section for all orders of a set.
        ordered = tuple(sorted(names))
        section = self.sections.get(ordered)
        if section is None:
            section = self.sections[ordered] = Section({name: [] for name in ordered})
            self.bytes += COLUMN_BYTES * len(ordered)
        layout = self._layouts[names] = _Layout(section, [section.values[name] for name in names], None)
        return layout


def _names_problem(names: Sequence[str]) -> tuple[str, str] | None:
    if not names:
        return "INVALID_BATCH", "it has no metrics"
    if len(names) > MAX_METRICS:
        return "INVALID_BATCH", f"it has more than {MAX_METRICS} metrics"
    if len(set(names)) < len(names):
        return "INVALID_BATCH", "a metric comes twice"
    wrong = next((name for name in names if not METRIC.fullmatch(name)), None)
    return (
        None if wrong is None else ("INVALID_METRIC", f"{wrong[:LONGEST_ECHO]!r} is no metric name ({METRIC.pattern})")
    )


def _shape_problem(batch: Batch, sender: Sender) -> tuple[str, str] | None:
    rows, named = batch.rows, batch.devices
    for column in batch.values:
        if len(column) != 8 * rows:
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
