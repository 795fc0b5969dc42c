"""Readings on their way into a batch: rows go in, columns come out."""

import math
import re
from collections.abc import Mapping

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch, Series

# The limits of the contract. Cells bound the bytes (4 MiB a batch) where rows do not: 10,000 rows may have 64 metrics.
MAX_ROWS = 10_000
MAX_METRICS = 64
_MAX_CELLS = 400_000

_METRIC = re.compile(r"[a-z][a-z0-9_]{0,63}")


class InvalidReading(ValueError):
    """A reading that the server would never store."""


def checked(metrics: Mapping[str, float]) -> dict[str, float]:
    """The reading's values, without gaps. Raises InvalidReading."""
    values: dict[str, float] = {}
    for metric, value in metrics.items():
        if _METRIC.fullmatch(metric) is None:
            raise InvalidReading(f"metric {metric!r} is not of the form {_METRIC.pattern}")
        if math.isinf(value):
            raise InvalidReading(f"{metric} is infinite")
        if not math.isnan(value):
            values[metric] = float(value)
    if not values:
        raise InvalidReading("a reading needs a value")
    if len(values) > MAX_METRICS:
        raise InvalidReading(f"a reading has at most {MAX_METRICS} metrics, not {len(values)}")
    return values


class Columns:
    """The batch that is being filled."""

    def __init__(self) -> None:
        self._time_ms: list[int] = []
        self._series: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._time_ms)

    def takes(self, values: Mapping[str, float]) -> bool:
        """Whether this row still fits beside those that are in."""
        metrics = len(self._series.keys() | values.keys())
        rows = len(self._time_ms) + 1
        return rows <= MAX_ROWS and metrics <= MAX_METRICS and rows * metrics <= _MAX_CELLS

    def add(self, time_ms: int, values: Mapping[str, float]) -> None:
        rows = len(self._time_ms)
        for metric, value in values.items():
            column = self._series.setdefault(metric, [])
            _pad(column, rows)
            column.append(value)
        self._time_ms.append(time_ms)

    def take(self) -> ReadingBatch:
        """Everything that was added, as a batch without a sequence; starts anew."""
        rows = len(self._time_ms)
        for column in self._series.values():
            _pad(column, rows)
        batch = ReadingBatch(
            time_ms=self._time_ms,
            series=[Series(metric=metric, values=column) for metric, column in self._series.items()],
        )
        self._time_ms, self._series = [], {}
        return batch


def _pad(column: list[float], rows: int) -> None:
    if len(column) < rows:
        column.extend([math.nan] * (rows - len(column)))
