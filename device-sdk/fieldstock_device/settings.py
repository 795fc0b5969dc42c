"""What the device shall be set to: heard of as it changes, taken, and reported."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from grpc import aio

from fieldstock.inventory.v1.settings_pb2 import DeviceSettings
from fieldstock.inventory.v1.settings_service_pb2 import ReportDeviceSettingsRequest, WatchDeviceSettingsRequest
from fieldstock.inventory.v1.settings_service_pb2_grpc import DeviceSettingsServiceStub
from fieldstock_device.backoff import Backoff
from fieldstock_device.clock import Alarm, Clock, sleep
from fieldstock_device.failure import Failure
from fieldstock_device.pace import Pace
from fieldstock_device.tokens import Token, Tokens

_log = logging.getLogger("fieldstock.device")

_TIMEOUT_S = 10.0

OnSettings = Callable[[dict[str, Any]], Awaitable[None]]


class SettingsWatch:
    """Keeps a stream of the device's settings open, hands each newer version on, and reports those that were taken.

    Of versions that come while another is being taken only the newest is taken. `version`: the last one that was.
    """

    def __init__(
        self, channel: aio.Channel, tokens: Tokens, take: OnSettings, *, clock: Clock, rng: random.Random, pace: Pace
    ) -> None:
        self._service = DeviceSettingsServiceStub(channel)
        self._tokens = tokens
        self._take = take
        self._clock = clock
        self._pace = pace
        self._hearing = Backoff(rng, base=pace.backoff)
        self._taking = Backoff(rng, base=pace.backoff)
        self._newest = DeviceSettings()
        self._news = Alarm(clock)
        self._tasks: list[asyncio.Task[None]] = []
        self.version = 0

    def open(self) -> None:
        """Begins to listen."""
        self._tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._follow())]

    async def close(self) -> None:
        """Ends, in the middle of whatever it does. What was not reported is told again to the next process."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for task in self._tasks:
            if not task.cancelled():
                task.result()

    async def _hear(self) -> None:
        while True:
            opened_at = self._clock.monotonic()
            failure = await self._stream()
            if failure is None:
                continue
            _log.debug("settings: %s", failure)
            # Not at the first message: two processes with one credential would end each other's streams all the time.
            if self._clock.monotonic() - opened_at > self._pace.backoff_cap:
                self._hearing.reset()
            await self._pause(self._hearing, failure)

    async def _stream(self) -> Failure | None:
        """One stream, if there is a token for it; returns why it ended, None when it was time for another token."""
        try:
            token = await self._tokens.get()
        except Failure as failure:
            return failure
        call = self._service.WatchDeviceSettings(WatchDeviceSettingsRequest(), metadata=_bearing(token))
        # A call that is cancelled raises CancelledError in whoever reads it: in a task of its own that is not mistaken
        # for the end of this one.
        reading = asyncio.create_task(self._read(call))
        renewal = self._clock.call_later(token.renew_at - self._clock.monotonic(), reading.cancel)
        try:
            await asyncio.wait([reading])
        finally:
            renewal.cancel()
            reading.cancel()
            call.cancel()
        return None if reading.cancelled() else reading.result()

    async def _read(self, call: aio.UnaryStreamCall[WatchDeviceSettingsRequest, DeviceSettings]) -> Failure:
        try:
            async for settings in call:
                self._newest = settings
                self._news.ring()
        except aio.AioRpcError as error:
            return self._failure(error)
        return Failure(grpc.StatusCode.UNKNOWN, "the stream of settings ended")

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            failure = await self._catch_up()
            if failure is None:
                self._taking.reset()
                continue
            _log.debug("settings: %s", failure)
            self._news.ring()
            await self._pause(self._taking, failure)

    async def _catch_up(self) -> Failure | None:
        """Takes the newest version, and reports it, where that is not done yet."""
        newest = self._newest
        if newest.version > self.version:
            try:
                await self._take(MessageToDict(newest.desired))
            except Exception:  # noqa: BLE001 - the device's own code: later versions must not wait for it
                _log.exception("version %d of the settings was not taken", newest.version)
                return Failure(grpc.StatusCode.INTERNAL, "the settings were not taken")
            self.version = newest.version
        if newest.reported_version >= self.version:
            return None
        request = ReportDeviceSettingsRequest(id=newest.device_id, version=self.version)
        try:
            token = await self._tokens.get()
            await self._service.ReportDeviceSettings(request, metadata=_bearing(token), timeout=_TIMEOUT_S)
        except Failure as failure:
            return failure
        except aio.AioRpcError as error:
            return self._failure(error)
        return None

    def _failure(self, error: aio.AioRpcError) -> Failure:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._tokens.forget()
        return Failure.of(error.code(), error.details() or "", error.trailing_metadata())

    async def _pause(self, backoff: Backoff, failure: Failure) -> None:
        cap = self._pace.refused_cap if failure.is_refusal else self._pace.backoff_cap
        await sleep(self._clock, backoff.next(cap=cap) + (failure.retry_after or 0.0))


def _bearing(token: Token) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token.value}"),)
