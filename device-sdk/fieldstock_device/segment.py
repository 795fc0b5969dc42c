"""A file of records that is only ever written at its end, and can be read after any kill."""

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

# Checksum of all that follows it · bytes of the payload · kind · number · total.
_HEAD = struct.Struct("<IIBQQ")
_CHECKSUM_BYTES = 4


class Kind(IntEnum):
    SOURCE = 1
    """payload: the source's id; number: that of the last batch before its first; total: when it was written"""

    BATCH = 2
    """payload: an encoded ReadingBatch without a sequence"""

    RELEASED = 3
    """number: that of the newest batch which nobody needs any more; total: that batch's"""

    ROW = 4
    """payload: a ReadingBatch of one row; number: that of the batch that it will be a part of"""


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

    def replay(self) -> Iterator[Record]:
        """Every record that is whole. What stands behind the last one, torn by a kill or a failing disk, is cut off."""
        while (record := self._at(self.size)) is not None:
            self._note(record)
            self.size += _HEAD.size + len(record.payload)
            yield record
        os.ftruncate(self._file, self.size)

    def append(self, record: Record) -> None:
        """Hands it to the operating system, whole or not at all. What was taken outlives this process.

        Raises OSError.
        """
        rest = _HEAD.pack(0, len(record.payload), record.kind, record.number, record.total)[_CHECKSUM_BYTES:]
        written = struct.pack("<I", zlib.crc32(record.payload, zlib.crc32(rest))) + rest + record.payload
        if os.write(self._file, written) < len(written):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._note(record)
        self.size += len(written)

    def sync(self) -> None:
        """Returns when all of it is on the disk, and a loss of power would not harm it."""
        os.fdatasync(self._file)

    def batch(self, number: int) -> Record | None:
        """The batch of that number, if the file still has it as it was written."""
        offset, passed = self._place if self._place[1] < number else (0, 0)
        while passed < number and (record := self._at(offset)) is not None:
            offset += _HEAD.size + len(record.payload)
            if record.kind is Kind.BATCH:
                passed = record.number
                if passed == number:
                    self._place = (offset, passed)
                    return record
        return None

    def empty(self) -> None:
        """Forgets every record."""
        os.ftruncate(self._file, 0)
        self.size, self._place = 0, (0, 0)

    def close(self) -> None:
        os.close(self._file)

    def remove(self) -> None:
        self.close()
        self.path.unlink()

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
