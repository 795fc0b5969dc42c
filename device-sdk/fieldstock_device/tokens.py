"""The device's access token, made from its credential and renewed before it expires."""

import asyncio
import random
from dataclasses import dataclass

import grpc
from grpc import aio

from fieldstock.auth.v1.device_token_service_pb2 import IssueDeviceTokenRequest
from fieldstock.auth.v1.device_token_service_pb2_grpc import DeviceTokenServiceStub
from fieldstock_device.clock import Clock
from fieldstock_device.failure import Failure

_TIMEOUT_S = 10.0


@dataclass
class Token:
    """An access token; both times are the clock's monotonic ones."""

    value: str
    renew_at: float
    expires_at: float


class Tokens:
    """Holds the one token that is good now."""

    def __init__(
        self, channel: aio.Channel, serial_number: str, secret: str, *, clock: Clock, rng: random.Random
    ) -> None:
        self._service = DeviceTokenServiceStub(channel)
        self._request = IssueDeviceTokenRequest(serial_number=serial_number, secret=secret)
        self._clock = clock
        self._rng = rng
        self._token: Token | None = None
        # Readings and settings want one at the same time, and the same.
        self._turn = asyncio.Lock()

    async def get(self) -> Token:
        """A token that is good for a while yet.

        Raises Failure: UNAUTHENTICATED (not a credential), PERMISSION_DENIED / DEVICE_NOT_DEPLOYED, or whatever stands
        between here and the server.
        """
        async with self._turn:
            return await self._get()

    def forget(self) -> bool:
        """The server would not take it: the next one is a new one. Returns whether there was one."""
        had, self._token = self._token is not None, None
        return had

    async def _get(self) -> Token:
        token = self._token
        if token is not None and self._clock.monotonic() < token.renew_at:
            return token
        try:
            self._token = await self._issue()
        except Failure as failure:
            now = self._clock.monotonic()
            if token is None or failure.is_refusal or now >= token.expires_at:
                self._token = None
                raise
            # Renewal can wait while the old token lasts: readings go on while the sign-in is down.
            token.renew_at = now + (token.expires_at - now) / 2
            return token
        return self._token

    async def _issue(self) -> Token:
        try:
            answer = await self._service.IssueDeviceToken(self._request, timeout=_TIMEOUT_S)
        except aio.AioRpcError as error:
            raise Failure.of(error.code(), error.details() or "", error.trailing_metadata()) from error
        if answer.expires_in <= 0:
            raise Failure(grpc.StatusCode.INTERNAL, f"a token that expires in {answer.expires_in} s")
        now = self._clock.monotonic()
        # Spread, so that devices which started together do not renew together.
        renew_in = answer.expires_in * self._rng.uniform(0.7, 0.85)
        return Token(answer.access_token, renew_at=now + renew_in, expires_at=now + answer.expires_in)
