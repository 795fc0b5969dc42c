"""Batches that nobody has acknowledged yet."""

import uuid
from collections import deque
from typing import NamedTuple, Protocol

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch

# What a batch takes beside its encoded bytes (measured). Kept as a message object it would take ten times that.
_OVERHEAD_BYTES = 200


class ForeignSpool(Exception):
    """What this spool keeps is another device's."""


class Spooled(NamedTuple):
    """A batch in the spool. `columns` is an encoded ReadingBatch that lacks its sequence."""

    sequence: int
    rows: int
    columns: bytes


class Spool(Protocol):
    """A bounded queue of batches, oldest first. It numbers them, and keeps each until it is released."""

    source_id: str

    @property
    def rows(self) -> int:
        """Rows kept."""
        ...

    def claim(self, serial_number: str) -> None:
        """A client will send what is kept, as this device. Raises ForeignSpool when it is another's."""
        ...

    def hold(self, time_ms: int, values: dict[str, float]) -> None:
        """A row came into the batch that will be appended next. Raises OSError when it cannot be kept."""
        ...

    def append(self, batch: ReadingBatch) -> int:
        """Adds a batch. Returns how many rows were dropped."""
        ...

    def after(self, sequence: int) -> Spooled | None:
        """The oldest batch kept whose sequence is above that one."""
        ...

    def release(self, upto: int) -> int:
        """Forgets the batches up to and including that sequence. Returns how many rows they had."""
        ...

    def renew(self) -> None:
        """Numbers what is kept from 1 again, as a new source."""
        ...


class MemorySpool:
    """A spool that ends with its process.

    Its `source_id` names this numbering to the server, so it belongs to the spool: one that forgets its batches must
    come back under another name, or the server would take new batches for old ones.
    """

    def __init__(self, *, max_bytes: int = 16 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._batches: deque[Spooled] = deque()
        self._bytes = 0
        self._rows = 0
        self._last = 0
        self.source_id = str(uuid.uuid4())

    @property
    def rows(self) -> int:
        """Rows kept."""
        return self._rows

    def claim(self, serial_number: str) -> None:
        """Memory is filled by those who send from it."""

    def hold(self, time_ms: int, values: dict[str, float]) -> None:
        """Memory has no place that is safer than where the row is."""

    def append(self, batch: ReadingBatch) -> int:
        """Keeps a batch under the next sequence. Returns how many rows of the oldest batches were dropped to make room;
        the newest is kept however large it is."""
        self._last += 1
        spooled = Spooled(self._last, len(batch.time_ms), batch.SerializeToString())
        self._batches.append(spooled)
        self._bytes += _size(spooled)
        self._rows += spooled.rows
        dropped = 0
        while self._bytes > self._max_bytes and len(self._batches) > 1:
            dropped += self._forget_oldest()
        return dropped

    def after(self, sequence: int) -> Spooled | None:
        """The oldest batch kept whose sequence is above that one."""
        if not self._batches:
            return None
        # Batches leave at the old end only, so their sequences have no gaps.
        index = max(0, sequence + 1 - self._batches[0].sequence)
        return self._batches[index] if index < len(self._batches) else None

    def release(self, upto: int) -> int:
        """Forgets the batches up to and including that sequence. Returns how many rows they had."""
        released = 0
        while self._batches and self._batches[0].sequence <= upto:
            released += self._forget_oldest()
        return released

    def renew(self) -> None:
        """Numbers what is kept from 1 again, as a new source."""
        self.source_id = str(uuid.uuid4())
        self._batches = deque(
            spooled._replace(sequence=sequence) for sequence, spooled in enumerate(self._batches, start=1)
        )
        self._last = len(self._batches)

    def _forget_oldest(self) -> int:
        spooled = self._batches.popleft()
        self._bytes -= _size(spooled)
        self._rows -= spooled.rows
        return spooled.rows


def _size(spooled: Spooled) -> int:
    return len(spooled.columns) + _OVERHEAD_BYTES
