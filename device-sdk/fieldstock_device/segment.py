"""A file of records that is only ever written at its end, and can be read after any kill."""

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

_log = logging.getLogger("fieldstock.device")

# Checksum of all that follows it · bytes of the payload · kind · number · total.
_HEAD = struct.Struct("<IIBQQ")
_CHECKSUM_BYTES = 4


class Kind(IntEnum):
    UNKNOWN = 0
    """what a newer version wrote"""

    SOURCE = 1
    """payload: the source's id; number: that of the last batch before its first; total: when it was written"""

    BATCH = 2
    """payload: an encoded ReadingBatch without a sequence"""

    RELEASED = 3
    """number: that of the newest batch which nobody needs any more; total: that batch's"""

    ROW = 4
    """payload: a ReadingBatch of one row; number: that of the batch that it will be a part of"""

    @classmethod
    def _missing_(cls, value: object) -> "Kind":
        return cls.UNKNOWN


class Record(NamedTuple):
    """`total`: how many rows there ever were, up to and including a batch."""

    kind: Kind
    number: int
    total: int
    payload: bytes


class Segment:
    """`size` in bytes; `first` and `last` are the numbers of its batches, 0 when it has none. `before` and `total`
    count the rows that ever were, before its first batch and up to its last."""

    def __init__(self, path: Path, *, before: int = 0) -> None:
        self.path = path
        self.size = 0
        self.first = self.last = 0
        self.before = self.total = before
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Readers ask for one batch after another: where the last one ended, and its number.
        self._place = (0, 0)
        # Something stands behind `size` that could not be cut off.
        self._is_torn = False

    def replay(self) -> Iterator[Record]:
        """Every record that is whole. What stands behind the last one, torn by a kill or a failing disk, is cut off."""
        unknown = 0
        while (record := self._at(self.size)) is not None:
            self._note(record)
            self.size += _HEAD.size + len(record.payload)
            if record.kind is Kind.UNKNOWN:
                unknown += 1
            else:
                yield record
        if unknown:
            _log.warning("passed over %d records in %s, of a newer version", unknown, self.path)
        os.ftruncate(self._file, self.size)

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Hands it to the operating system, whole or not at all. What was taken outlives this process, and with `sync`
        a loss of power.

        Raises OSError. A disk that does not even take back the half that it took may show the record to the next
        process; this one appends nothing before that is cut off.
        """
        if self._is_torn:
            self._cut()
        rest = _HEAD.pack(0, len(record.payload), record.kind, record.number, record.total)[_CHECKSUM_BYTES:]
        written = struct.pack("<I", zlib.crc32(record.payload, zlib.crc32(rest))) + rest + record.payload
        try:
            left = memoryview(written)
            # Where a part was taken, the attempt at the rest says what is wrong.
            while left:
                left = left[os.write(self._file, left) :]
            if sync:
                os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):
                self._cut()
            raise
        self._note(record)
        self.size += len(written)

    def batch(self, number: int) -> Record | None:
        """The first batch from that number on, if the file still has it as it was written."""
        offset, _ = self._place if self._place[1] < number else (0, 0)
        while (record := self._at(offset)) is not None:
            offset += _HEAD.size + len(record.payload)
            if record.kind is Kind.BATCH and record.number >= number:
                self._place = (offset, record.number)
                return record
        return None

    def empty(self) -> None:
        """Forgets every record; where the disk does not, before the next one is appended."""
        self.size, self._place = 0, (0, 0)
        with suppress(OSError):
            self._cut()

    def rename(self, path: Path) -> None:
        self.path = self.path.rename(path)

    def close(self) -> None:
        os.close(self._file)

    def remove(self) -> None:
        """Raises OSError, and then it is as it was."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _cut(self) -> None:
        self._is_torn = True
        os.ftruncate(self._file, self.size)
        self._is_torn = False

    def _note(self, record: Record) -> None:
        if record.kind is Kind.BATCH:
            self.first, self.last, self.total = self.first or record.number, record.number, record.total
        elif record.kind is Kind.SOURCE and not self.first:
            self.before = self.total = record.total

    def _at(self, offset: int) -> Record | None:
        head = os.pread(self._file, _HEAD.size, offset)
        if len(head) < _HEAD.size:
            return None
        checksum, length, kind, number, total = _HEAD.unpack(head)
        # A length that a torn head invents is bounded by the file before it is believed.
        if length > os.fstat(self._file).st_size - offset - _HEAD.size:
            return None
        payload = os.pread(self._file, length, offset + _HEAD.size)
        if zlib.crc32(payload, zlib.crc32(head[_CHECKSUM_BYTES:])) != checksum:
            return None
        return Record(Kind(kind), number, total, payload)
