"""Readings as text of one length each, for servers that speak HTTP: a table of bytes in which only the times change."""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.http_load import END_OF_HEAD
from bench.shapes import Shape

# In a template: where a device's id, a value and the time (milliseconds) are written.
DEVICE, VALUE, TIME = b"DDDDDD", b"VV.V", b"T" * 13

# A table is at least so long, with several messages of each device if need be: numpy likes its work in large pieces.
LEAST_ROWS = 1_000


class Requests:
    """One connection's requests without end: `rows` readings each, in the order that the shape's messages have.

    Writing 100,000 rows costs a few milliseconds, so that the time that is measured is the server's.
    """

    def __init__(self, template: bytes, head: bytes, shape: Shape, groups: list[range], start_ms: int) -> None:
        """`template`: of one reading; `head`: of a request, without its length."""
        self._head = head
        self._shape = shape
        self._start_ms = start_ms
        self._message = 0
        self._time_at = template.index(TIME)
        round = np.concatenate([np.tile(group, shape.each) for group in groups])
        self._messages = max(1, LEAST_ROWS // len(round))
        devices = np.tile(round, self._messages)
        self._table = np.tile(np.frombuffer(template, np.uint8), (len(devices), 1))
        self._write(template.index(DEVICE), _digits(devices, len(DEVICE)))
        self._groups = len(groups)
        self._values_at = [found.start() for found in re.finditer(VALUE, template)]
        self._values = _values(shape.values)
        self.taken = 0

    def of(self, rows: int) -> Iterator[bytes]:
        """Requests of so many readings. May be asked again, for another number: the readings go on."""
        while True:
            self._write_times()
            self._write_values()
            self._message += self._messages
            for start in range(0, len(self._table), rows):
                body = self._table[start : start + rows]
                self.taken += len(body)
                yield b"%b\r\ncontent-length: %d%b%b" % (self._head, body.size, END_OF_HEAD, body.tobytes())

    def _write_times(self) -> None:
        shape, messages = self._shape, self._messages
        times = shape.times(self._start_ms, self._message, messages)
        text = np.repeat(_digits(times.ravel(), len(TIME)).reshape(messages, 1, shape.each, -1), shape.devices, axis=2)
        self._write(self._time_at, np.broadcast_to(text, (messages, self._groups, *text.shape[2:])))

    def _write_values(self) -> None:
        numbers = self._message + np.add.outer(np.arange(self._messages), np.arange(self._groups)).ravel()
        for metric, at in enumerate(self._values_at):
            self._write(at, self._values[numbers % len(self._values), metric])

    def _write(self, at: int, columns: NDArray[np.uint8]) -> None:
        self._table[:, at : at + columns.shape[-1]] = columns.reshape(-1, columns.shape[-1])


def _values(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """[variant, metric, row, letter], as text."""
    tenths = _digits(np.rint(values * 10).astype(np.int64).ravel(), 3)
    point = np.full((len(tenths), 1), ord("."), np.uint8)
    return np.hstack([tenths[:, :2], point, tenths[:, 2:]]).reshape(*values.shape, len(VALUE))


def _digits(numbers: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """[number, digit], as text. Raises ValueError for a number that is longer or shorter."""
    if len(str(numbers.min())) != width or len(str(numbers.max())) != width:
        raise ValueError(f"not of {width} digits: {numbers.min()} … {numbers.max()}")
    powers = 10 ** np.arange(width - 1, -1, -1)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)
