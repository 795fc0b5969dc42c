"""The client that runs on a device: takes readings, and does not let go of them until the server has them."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Self

import grpc
from grpc import aio

from fieldstock.telemetry.v1.ingest_service_pb2_grpc import IngestServiceStub
from fieldstock_device.backoff import Backoff
from fieldstock_device.clock import Alarm, Clock, SystemClock, Timer
from fieldstock_device.columns import Columns, checked
from fieldstock_device.counters import Counters
from fieldstock_device.failure import DEVICE_NOT_DEPLOYED, INVALID_SEQUENCE, Failure
from fieldstock_device.pace import Pace
from fieldstock_device.settings import OnSettings, SettingsWatch
from fieldstock_device.spool import MemorySpool, Spool
from fieldstock_device.stamps import Stamps, milliseconds
from fieldstock_device.stream import Stream
from fieldstock_device.target import open_channel
from fieldstock_device.tokens import Tokens

_log = logging.getLogger("fieldstock.device")


class State(StrEnum):
    CONNECTING = "connecting"
    """Nothing is known yet."""

    ONLINE = "online"
    """The server takes this device's readings, or took the last ones."""

    RETRYING = "retrying"
    """The last attempt failed; another follows."""

    NOT_DEPLOYED = "not_deployed"
    """The credential is right, but the device is not in the field. Asked again slowly: it may be deployed any time."""

    REFUSED = "refused"
    """The credential, or what it may do, is wrong. Asked again slowly."""

    CLOSED = "closed"


class DeviceClient:
    """Sends one device's readings.

        async with DeviceClient("https://fieldstock.example", serial_number="SN-0007", secret=secret) as device:
            await device.record({"temperature": 21.5})

    Readings are kept in `spool` (in memory unless given a DiskSpool) until the server has acknowledged them, over any
    number of reconnects; only when it is full the oldest are dropped, and counted. `state` says how things stand,
    `on_state` hears of every change, `counters` what became of the readings.

    `on_settings` is given what the device shall be set to, at the start and at every change, and may take its time.
    When it has returned, the version is reported, and is `settings_version`; when it raises, it is asked again.

    A `channel` that is given is shared: it stays open, and `url` is not needed.

    Raises ForeignSpool when what `spool` keeps is another device's.
    """

    def __init__(
        self,
        url: str = "",
        *,
        serial_number: str,
        secret: str,
        channel: aio.Channel | None = None,
        root_certificates: bytes | None = None,
        spool: Spool | None = None,
        pace: Pace | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        on_state: Callable[[State], None] | None = None,
        on_settings: OnSettings | None = None,
    ) -> None:
        self._spool = spool if spool is not None else MemorySpool()
        self._spool.claim(serial_number)
        self.serial_number = serial_number
        self.state = State.CONNECTING
        self.counters = Counters()
        self._owns_channel = channel is None
        self._channel = channel if channel is not None else open_channel(url, root_certificates=root_certificates)
        self._service = IngestServiceStub(self._channel)
        self._pace = pace = pace if pace is not None else Pace()
        self._clock = clock if clock is not None else SystemClock()
        rng = rng if rng is not None else random.Random()
        self._tokens = Tokens(self._channel, serial_number, secret, clock=self._clock, rng=rng)
        self._backoff = Backoff(rng, base=pace.backoff)
        self._on_state = on_state
        self._settings = on_settings and SettingsWatch(
            self._channel, self._tokens, on_settings, clock=self._clock, rng=rng, pace=pace
        )
        self._columns = Columns()
        self._age: Timer | None = None
        self._stamps = Stamps(self._clock)
        self._news = Alarm(self._clock)
        self._closing = Alarm(self._clock)
        self._is_closing = False
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._rotate_after = 0.0
        self._last_contact = self._clock.monotonic()

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pending(self) -> int:
        """Readings that are not acknowledged yet."""
        return self._spool.rows + len(self._columns)

    @property
    def settings_version(self) -> int:
        """The version of the settings that was taken last; 0: none."""
        return self._settings.version if self._settings else 0

    def open(self) -> None:
        """Begins to send. `async with` does this, and closes."""
        if self._task is not None:
            raise RuntimeError("a client is opened once")
        self._task = asyncio.create_task(self._run(), name=f"device {self.serial_number}")
        if self._settings:
            self._settings.open()

    async def record(self, metrics: Mapping[str, float], time: datetime | float | None = None) -> None:
        """Takes a reading; it is sent with the next batch.

        `time` is when it was measured, as an aware datetime or in seconds since 1970; None means now, and waits for the
        clock's next millisecond where this one is another reading's: 1,000 a second at most. NaN is a gap.
        Raises InvalidReading for what the server would never store, OSError when the spool's disk does not take it.
        """
        values = checked(metrics)
        time_ms = await self._stamps.next() if time is None else milliseconds(time)
        # Not before the wait, in which it may be closed.
        if self._task is None or self._is_closing:
            raise RuntimeError("the client is not open")
        if self._task.done():
            # Ends before it is closed by a defect only: say so, rather than fill a spool that nobody empties.
            raise RuntimeError("the client does not send any more") from self._task.exception()
        if not self._columns.takes(values):
            self._seal()
        self._spool.hold(time_ms, values)
        self._columns.add(time_ms, values)
        if len(self._columns) >= self._pace.batch_rows:
            self._seal()
        elif len(self._columns) == 1:
            self._age = self._clock.call_later(self._pace.batch_age, self._seal)

    async def close(self) -> None:
        """Sends what is left, within `pace.flush` seconds, and ends."""
        if self._task is None or self._is_closing:
            return
        self._is_closing = True
        try:
            self._seal()
        finally:
            # A spool that fails the last batch has others, and the task must end.
            await self._end(self._task)

    async def _end(self, task: asyncio.Task[None]) -> None:
        if self._stream is not None:
            self._stream.drain()
        self._closing.ring()
        self._news.ring()
        deadline = self._clock.call_later(self._pace.flush, task.cancel)
        try:
            await asyncio.wait([task])
        finally:
            deadline.cancel()
            task.cancel()
            if self._settings:
                await self._settings.close()
            if self._owns_channel:
                await self._channel.close()
            self._become(State.CLOSED)
        if self._spool.rows:
            _log.warning("%s: closed with %d readings not acknowledged", self.serial_number, self._spool.rows)
        if not task.cancelled():
            task.result()

    def _seal(self) -> None:
        if self._age is not None:
            self._age.cancel()
        if len(self._columns):
            self.counters.dropped += self._spool.append(self._columns.take())
            self._news.ring()

    async def _run(self) -> None:
        while True:
            if not self._spool.rows:
                if self._is_closing:
                    return
                await self._news.wait()
                continue
            failure = await self._attempt()
            if failure is None:
                self._backoff.reset()
                self._become(State.ONLINE)
                continue
            _log.debug("%s: %s", self.serial_number, failure)
            if self._renews_token_after(failure):
                continue
            self._become(_state_after(failure))
            if failure.is_refusal and self._is_closing:
                return
            await self._pause(failure)

    async def _attempt(self) -> Failure | None:
        """One stream, if there is a token for it."""
        try:
            token = await self._tokens.get()
        except Failure as failure:
            return failure
        self.counters.reconnects += self._backoff.attempts > 0
        # A device that speaks less often than streams rotate opens one for each time it speaks.
        speaks_rarely = self._clock.monotonic() - self._last_contact > self._rotate_after > 0
        self._stream = stream = Stream(
            self._service.StreamReadings(metadata=(("authorization", f"Bearer {token.value}"),)),
            self._spool,
            self._news,
            self.counters,
            clock=self._clock,
            patience=self._pace.patience,
            # So that a stream never sees its token expire.
            half_close_by=token.renew_at,
            drain=self._is_closing or speaks_rarely,
            on_accepted=self._accepted,
        )
        released = 0
        try:
            failure = await stream.run()
            # A server may remember more of this source than this stream told it.
            released = self._spool.release(min(stream.summary.committed_sequence, stream.last_sent))
        except* OSError as errors:
            _log.warning("the disk gives back no batch: %s", errors.exceptions[0])
            failure = Failure(grpc.StatusCode.UNKNOWN, "the spool cannot be read")
        finally:
            self._stream = None
        self._last_contact = self._clock.monotonic()
        self.counters.acknowledged += released
        for rejection in stream.summary.rejections:
            self.counters.rejected[rejection.reason] += rejection.rows
        if released:
            self._backoff.reset()
        if failure is None and stream.summary.committed_sequence < stream.last_sent:
            return Failure(grpc.StatusCode.UNKNOWN, "the stream ended well, but not all of it is acknowledged")
        return failure

    def _accepted(self, rotate_after: float) -> None:
        self._rotate_after = rotate_after
        self._become(State.ONLINE)

    def _renews_token_after(self, failure: Failure) -> bool:
        """Whether the token may be all that is wrong: then the next attempt, with a new one, need not wait. Once."""
        unauthenticated = failure.code is grpc.StatusCode.UNAUTHENTICATED
        # A token of before a recall is no good after it, either.
        had_token = (unauthenticated or failure.reason == DEVICE_NOT_DEPLOYED) and self._tokens.forget()
        if not (had_token and unauthenticated) or self._backoff.attempts:
            return False
        self._backoff.attempts = 1
        return True

    async def _pause(self, failure: Failure) -> None:
        """Waits as long as this failure asks for, or until the client is closed."""
        if failure.reason == INVALID_SEQUENCE:
            # Server and spool count differently, and will go on doing so: start counting anew. What the server has
            # already, it recognises.
            self._spool.renew()
        cap = self._pace.refused_cap if failure.is_refusal else self._pace.backoff_cap
        await self._closing.wait(self._backoff.next(cap=cap) + (failure.retry_after or 0.0))

    def _become(self, state: State) -> None:
        if state is self.state:
            return
        self.state = state
        if self._on_state is not None:
            self._on_state(state)


def _state_after(failure: Failure) -> State:
    if failure.reason == DEVICE_NOT_DEPLOYED:
        return State.NOT_DEPLOYED
    return State.REFUSED if failure.is_refusal else State.RETRYING
