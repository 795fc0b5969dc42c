"""Whoever sends: it keeps what it made until it knows that it is stored, and its own record is what counts."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc

from fieldstock.telemetry.v1 import reading_pb2
from tests.faults.door import Door, Metadata
from tests.faults.measured import Course

SUMMARY = "stream-summary-bin"
# A stream that does not end by itself is given up, and what it brought is sent again.
STREAM_SECONDS, PAUSE_SECONDS = 6.0, 0.2
# Batches of a stream, batches that wait for their acknowledgement at most, and how long one takes to be made.
A_STREAM, MOST_WAITING, BATCH_SECONDS = 10, 60, 0.08


@dataclass
class Source:
    """A spool of batches: `rows` rows of each of its devices a batch. `committed` of those `made` are acknowledged."""

    devices: dict[int, Course]
    metadata: Metadata
    rows: int
    made: int = 0
    committed: int = 0
    streams: int = 0
    broken: int = 0
    # What a server said that it must not say.
    lies: list[str] = field(default_factory=list)
    _id: str = field(default_factory=lambda: str(uuid4()))

    async def run(self, doors: Sequence[Door], enough: asyncio.Event) -> None:
        """Sends until it is enough and all of it is acknowledged."""
        while not (enough.is_set() and self.committed == self.made):
            self.streams += 1
            if not await self._stream(random.choice(doors), enough):
                self.broken += 1
                await asyncio.sleep(PAUSE_SECONDS * random.random())

    async def _stream(self, door: Door, enough: asyncio.Event) -> bool:
        """Sends again what is not known to be stored, and a little more; False when it was broken off."""
        call = door.ingest.StreamReadings(metadata=self.metadata, timeout=STREAM_SECONDS)
        try:
            for sequence in range(self.committed + 1, self.made + 1):
                await call.write(self._batch(sequence))
            for _ in range(A_STREAM):
                if enough.is_set() or self.made - self.committed >= MOST_WAITING:
                    break
                self.made += 1
                await call.write(self._batch(self.made))
                await asyncio.sleep(BATCH_SECONDS)
            await call.done_writing()
            summary, whole = await call, True
        except (grpc.aio.AioRpcError, grpc.aio.InternalError, asyncio.InvalidStateError):
            # The second is grpc's word for a stream that ended while it was written to.
            trailing = dict(await call.trailing_metadata() or ())
            summary, whole = reading_pb2.StreamSummary.FromString(trailing.get(SUMMARY, b"")), False
        finally:
            call.cancel()
        self._hear(summary)
        return whole

    def _hear(self, summary: Any) -> None:
        if summary.committed_sequence > self.made:
            self.lies.append(f"{summary.committed_sequence} is stored, and {self.made} were made")
        if summary.rejected_rows:
            self.lies.append(f"refused: {summary.rejections}")
        self.committed = max(self.committed, summary.committed_sequence)

    def _batch(self, sequence: int) -> reading_pb2.ReadingBatch:
        first, last = (sequence - 1) * self.rows, sequence * self.rows
        device_id, time_ms, values = [], [], {}
        for device, course in self.devices.items():
            device_id += [device] * self.rows
            time_ms += course.times(first, last).tolist()
            for metric, column in course.values(first, last).items():
                values.setdefault(metric, []).extend(column.tolist())
        series = [reading_pb2.Series(metric=metric, values=column) for metric, column in values.items()]
        return reading_pb2.ReadingBatch(
            sequence=sequence, device_id=device_id, time_ms=time_ms, series=series, source_id=self._id
        )
