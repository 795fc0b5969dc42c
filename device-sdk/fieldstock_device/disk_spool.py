"""A spool that outlives its process."""

import errno
import fcntl
import logging
import os
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch, Series
from fieldstock_device.columns import Columns
from fieldstock_device.segment import Kind, Record, Segment
from fieldstock_device.spool import ForeignSpool, Spooled

_log = logging.getLogger("fieldstock.device")

# A full spool forgets its oldest segment as a whole: so much of it at a time.
_SEGMENTS = 16

# What is over when files are removed. Of any other failure the oldest readings are not the cause.
_FULL = (errno.ENOSPC, errno.EDQUOT)


class SpoolInUse(Exception):
    """Another process sends from this spool."""


class DiskSpool:
    """A bounded queue of batches in a folder, oldest first, of one device, and of one process at a time.

        with DiskSpool("/var/lib/fieldstock", max_bytes=64 << 20) as spool:
            async with DeviceClient(url, serial_number=serial, secret=secret, spool=spool) as device:

    What `record` has returned of outlives a kill of the process at any moment; a loss of power costs at most the batch
    that was being filled. Opened again it has the same `source_id` and goes on counting, behind what was acknowledged.
    When the folder holds `max_bytes` or the disk is full, the oldest sixteenth is forgotten; a batch that the disk does
    not take for another reason is dropped alone. Memory does not grow with what is kept.

    Raises SpoolInUse, OSError.
    """

    def __init__(self, folder: Path | str, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._folder = Path(folder)
        self._max_bytes = max_bytes
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise SpoolInUse(str(self._folder)) from None
        self.source_id = ""
        # Batches are numbered from 1 for as long as the folder lives; a source's sequences begin behind its base.
        self._base = 0
        self._last = 0
        self._total = 0
        # Of the batches that are gone, released or dropped: the newest's number, and all rows up to it.
        self._gone, self._gone_total = 0, 0
        self._segments: list[Segment] = []
        self._filling = Segment(self._folder / "filling")
        try:
            self._recover()
            if not self.source_id:
                self._name_source(str(uuid.uuid4()), base=0)
            self._seal_what_was_filling()
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets another process have the folder."""
        for segment in (*self._segments, self._filling):
            segment.close()
        os.close(self._lock)

    @property
    def rows(self) -> int:
        """Rows kept, without those of the batch that is being filled."""
        return self._total - self._gone_total

    def claim(self, serial_number: str) -> None:
        """Notes whose folder it is, the first time. Raises ForeignSpool when it is another's, OSError."""
        note = self._folder / "serial_number"
        owner = note.read_text("utf-8", "replace") if note.exists() else ""
        # The case is no matter, as in signing in.
        if owner.lower() == serial_number.lower():
            return
        if owner:
            raise ForeignSpool(f"{self._folder} keeps the readings of {owner}, not of {serial_number}")
        try:
            # In one step: half a serial number would be another device's.
            written = self._folder / "serial_number.new"
            written.write_text(serial_number, "utf-8")
            written.rename(note)
        except OSError as error:
            # What is kept can be sent all the same.
            _log.warning("the disk takes no note: %s", error)

    def hold(self, time_ms: int, values: dict[str, float]) -> None:
        """Keeps a row of the batch that is being filled. Raises OSError when the disk does not take it."""
        row = ReadingBatch(
            time_ms=[time_ms], series=[Series(metric=metric, values=[value]) for metric, value in values.items()]
        )
        self._filling.append(Record(Kind.ROW, self._last + 1, 0, row.SerializeToString()))

    def append(self, batch: ReadingBatch) -> int:
        """Adds a batch, in the place of the rows held. Returns how many rows were dropped, for want of space or because
        the disk does not take them."""
        before, rows = self.rows, len(batch.time_ms)
        try:
            self._write(batch)
        except OSError as error:
            _log.error("the disk took no batch of %d readings: %s", rows, error)
            # It may be in the file all the same, and be found when the folder is opened again: its number is taken.
            self._last += 1
        self._filling.empty()
        while sum(segment.size for segment in self._segments) > self._max_bytes and len(self._segments) > 1:
            if not self._forgot_oldest():
                break
        return before + rows - self.rows

    def after(self, sequence: int) -> Spooled | None:
        """The oldest batch kept whose sequence is above that one."""
        number = max(self._base + sequence, self._gone) + 1
        for segment in self._segments:
            if segment.last >= number and (record := segment.batch(max(number, segment.first))) is not None:
                rows = ReadingBatch.FromString(record.payload).time_ms
                return Spooled(record.number - self._base, len(rows), record.payload)
        return None

    def release(self, upto: int) -> int:
        """Forgets the batches up to and including that sequence. Returns how many rows they had."""
        before, number = self.rows, min(self._base + upto, self._last)
        if number <= self._gone:
            return 0
        for segment in self._segments:
            if segment.last <= number:
                self._go(segment.last, segment.total)
            elif segment.first <= number and (record := segment.batch(number)) and record.number == number:
                self._go(number, record.total)
        self._note(Record(Kind.RELEASED, self._gone, self._gone_total, b""))
        while len(self._segments) > 1 and self._segments[0].last <= self._gone:
            if not self._forgot_oldest():
                break
        return before - self.rows

    def renew(self) -> None:
        """Numbers what is kept from 1 again, as a new source."""
        self._name_source(str(uuid.uuid4()), base=self._gone)

    def _recover(self) -> None:
        for path in sorted(self._folder.glob("*.segment")):
            segment = Segment(path, before=self._total)
            self._segments.append(segment)
            for record in segment.replay():
                if record.kind is Kind.SOURCE:
                    self.source_id, self._base = record.payload.decode(), record.number
                elif record.kind is Kind.RELEASED:
                    self._go(record.number, record.total)
            if len(self._segments) > 1 and segment.before > self._total:
                _log.warning("the disk lost %d readings", segment.before - self._total)
            # Numbers below its name's were given away before, also when nothing is left of them.
            self._last = max(self._last, int(path.stem) - 1, segment.last)
            self._total = max(self._total, segment.total)
        if self._segments:
            # What was dropped left no word but its absence.
            oldest = self._segments[0]
            self._go((oldest.first or int(oldest.path.stem)) - 1, oldest.before)
        else:
            self._segments.append(self._new_segment())
        self._last, self._total = max(self._last, self._gone), max(self._total, self._gone_total)
        # A source begins behind what was gone, also where that could not be noted.
        self.release(0)

    def _seal_what_was_filling(self) -> None:
        columns, number = Columns(), 0
        for record in self._filling.replay():
            # Those of a batch that was written are in it.
            if record.kind is not Kind.ROW or record.number <= self._last:
                continue
            row = ReadingBatch.FromString(record.payload)
            columns.add(row.time_ms[0], {series.metric: series.values[0] for series in row.series})
            number = record.number
        if number:
            # Numbers that are left out were those of batches that were dropped.
            self._last = number - 1
            self._write(columns.take())
            self._filling.empty()

    def _write(self, batch: ReadingBatch) -> None:
        """Adds a batch. On a full disk it takes the place of the oldest. Raises OSError."""
        record = Record(Kind.BATCH, self._last + 1, self._total + len(batch.time_ms), batch.SerializeToString())
        while True:
            before = self.rows
            try:
                if self._segments[-1].last and self._segments[-1].size > self._max_bytes // _SEGMENTS:
                    self._segments.append(self._new_segment())
                self._segments[-1].append(record, sync=True)
            except OSError as error:
                if error.errno not in _FULL or len(self._segments) == 1 or not self._forgot_oldest():
                    raise
                _log.warning("the disk is full: the oldest %d readings are dropped", before - self.rows)
            else:
                self._last, self._total = record.number, record.total
                return

    def _new_segment(self) -> Segment:
        """Begins with all that those before it know, so that they can go. It has its name once that is in it."""
        segment = Segment(self._folder / "next", before=self._total)
        try:
            segment.empty()
            if self.source_id:
                segment.append(Record(Kind.SOURCE, self._base, self._total, self.source_id.encode()))
                segment.append(Record(Kind.RELEASED, self._gone, self._gone_total, b""))
            segment.rename(self._folder / f"{self._last + 1:020}.segment")
        except OSError:
            segment.close()
            raise
        return segment

    def _name_source(self, source_id: str, *, base: int) -> None:
        self.source_id, self._base = source_id, base
        self._note(Record(Kind.SOURCE, base, self._total, source_id.encode()))

    def _note(self, record: Record) -> None:
        try:
            self._segments[-1].append(record)
        except OSError as error:
            # Forgotten with this process, then: what was acknowledged is sent once more, and recognised.
            _log.warning("the disk takes no note: %s", error)

    def _forgot_oldest(self) -> bool:
        """Whether the oldest segment could be removed, and is forgotten."""
        oldest = self._segments[0]
        try:
            oldest.remove()
        except OSError as error:
            _log.warning("the disk lets nothing go: %s", error)
            return False
        self._segments.pop(0)
        self._go(oldest.last, oldest.total)
        return True

    def _go(self, number: int, total: int) -> None:
        if number > self._gone:
            self._gone, self._gone_total = number, total
