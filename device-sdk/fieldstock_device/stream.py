"""One stream of batches, from its opening to the server's last word on it."""

import asyncio
import logging
from collections.abc import Callable

import grpc
from grpc import aio

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch, StreamSummary
from fieldstock_device.clock import Alarm, Clock
from fieldstock_device.counters import Counters
from fieldstock_device.failure import Failure
from fieldstock_device.spool import Spool, Spooled

_log = logging.getLogger("fieldstock.device")

_ROTATE_KEY = "rotate-after-ms"
_SUMMARY_KEY = "stream-summary-bin"

# Until the server states its own.
_ROTATE_AFTER_S = 60.0

# Whatever it states: opening streams in a loop serves nobody.
_ROTATE_AT_LEAST_S = 0.5


class Stream:
    """Sends what a spool holds, and what comes into it, until it is time to ask for the acknowledgement."""

    def __init__(
        self,
        call: aio.StreamUnaryCall[ReadingBatch, StreamSummary],
        spool: Spool,
        news: Alarm,
        counters: Counters,
        *,
        clock: Clock,
        patience: float,
        half_close_by: float,
        drain: bool,
        on_accepted: Callable[[float], None],
    ) -> None:
        """`news` rings when the spool got a batch. A stream that takes longer than `patience` seconds over one step is
        given up. It half-closes when the server wants it to, at the latest at `half_close_by` (monotonic), and with
        `drain` as soon as the spool is empty. `on_accepted` is told the server's interval of rotation in seconds."""
        self._call = call
        self._spool = spool
        self._news = news
        self._counters = counters
        self._clock = clock
        self._patience = patience
        self._drain = drain
        self._on_accepted = on_accepted
        self._opened_at = clock.monotonic()
        self._half_close_by = half_close_by
        self._half_close_at = min(half_close_by, self._opened_at + _ROTATE_AFTER_S)
        self.last_sent = 0
        self.summary = StreamSummary()
        counters.streams += 1

    def drain(self) -> None:
        """Half-close as soon as the spool is empty."""
        self._drain = True
        self._news.ring()

    async def run(self) -> Failure | None:
        """Sends until the stream ends; `summary` then says what became of it. Returns why it ended before it should."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._listen()), group.create_task(self._send())]
                # Not `await call`: that raises CancelledError also when it was the watchdog who cancelled.
                code = await self._call.code()
                for task in tasks:
                    task.cancel()
        finally:
            self._call.cancel()
        if code is grpc.StatusCode.OK:
            self.summary = await self._call
            return None
        trailers = await self._call.trailing_metadata()
        packed = trailers.get(_SUMMARY_KEY)
        if isinstance(packed, bytes):
            self.summary = StreamSummary.FromString(packed)
        return Failure.of(code, await self._call.details() or "", trailers)

    async def _listen(self) -> None:
        stated = (await self._call.initial_metadata()).get(_ROTATE_KEY)
        if not isinstance(stated, str) or not stated.isdigit():
            return
        rotate_after = max(_ROTATE_AT_LEAST_S, int(stated) / 1000)
        self._half_close_at = min(self._half_close_by, self._opened_at + rotate_after)
        self._on_accepted(rotate_after)
        self._news.ring()

    async def _send(self) -> None:
        try:
            await self._call.wait_for_connection()
            while (batch := await self._next()) is not None:
                await self._write(batch)
            await self._call.done_writing()
        except (aio.AioRpcError, aio.InternalError, asyncio.InvalidStateError) as error:
            # The stream is over, or about to be; `run` reads why from the call itself.
            _log.debug("a write came too late: %s", error)
        watchdog = self._clock.call_later(self._patience, self._call.cancel)
        try:
            await self._call.code()
        finally:
            watchdog.cancel()

    async def _next(self) -> Spooled | None:
        """The next batch, once there is one; None when it is time to half-close."""
        while (left := self._half_close_at - self._clock.monotonic()) > 0:
            batch = self._spool.after(self.last_sent)
            if batch is not None:
                # Sequences grow by one within a stream. Where the full spool dropped what was not sent yet, the next
                # stream starts behind the gap.
                follows = self.last_sent in (0, batch.sequence - 1)
                return batch if follows else None
            if self._drain:
                return None
            await self._news.wait(left)
        return None

    async def _write(self, batch: Spooled) -> None:
        # The clock of now, not the one of then: the server sees how far it is off, however old the readings are.
        head = ReadingBatch(sequence=batch.sequence, sent_ms=round(self._clock.now() * 1000))
        if self.last_sent == 0:
            head.source_id = self._spool.source_id
        # Before the write, not after: one that is cut short may still arrive, and be acknowledged.
        self.last_sent = batch.sequence
        self._counters.sent += batch.rows
        watchdog = self._clock.call_later(self._patience, self._call.cancel)
        try:
            # Encoded messages, put one after another, are one message.
            #
            # `call.write` of grpc.aio would answer a write that comes too late by overwriting what the server said at
            # the end (grpc/grpc#36066), and with it the reason and the acknowledgement. Half of the ends went that way.
            await self._call._cython_call.send_serialized_message(  # pyright: ignore[reportAttributeAccessIssue]
                head.SerializeToString() + batch.columns
            )
        finally:
            watchdog.cancel()
