"""The public keys of auth-svc, as another service sees them."""

import asyncio
import time
from collections.abc import Callable

import grpc

from fieldstock.auth.v1 import key_service_pb2, key_service_pb2_grpc
from servicekit.access import public_key
from servicekit.errors import KeysUnavailable
from servicekit.logs import logger

REFRESH_SECONDS = 60.0
# An unknown key id may be a forger's: it must not make us ask auth-svc each time.
ASK_AGAIN_SECONDS = 2.0
DEADLINE_SECONDS = 3.0


class RemoteKeys:
    """A KeySource that asks auth-svc, and goes on with what it knows while auth-svc is away."""

    def __init__(self, channel: grpc.aio.Channel, clock: Callable[[], float] = time.monotonic) -> None:
        self._stub = key_service_pb2_grpc.KeyServiceStub(channel)
        self._clock = clock
        self._keys: dict[str, object] = {}
        self._asked_at = float("-inf")
        self._answered_at = float("-inf")
        self._asking = asyncio.Lock()

    async def __call__(self, kid: str) -> object | None:
        """Raises KeysUnavailable when the key is not known and auth-svc cannot be asked."""
        age = self._clock() - self._asked_at
        if age > REFRESH_SECONDS or (kid not in self._keys and age > ASK_AGAIN_SECONDS):
            await self._ask()
        if kid not in self._keys and self._answered_at < self._asked_at:
            raise KeysUnavailable(retry_after=ASK_AGAIN_SECONDS)
        return self._keys.get(kid)

    async def _ask(self) -> None:
        asked_before = self._asked_at
        async with self._asking:
            if self._asked_at != asked_before:
                return  # another caller asked while this one waited
            self._asked_at = self._clock()
            try:
                answer = await self._stub.GetKeySet(key_service_pb2.GetKeySetRequest(), timeout=DEADLINE_SECONDS)
            except grpc.aio.AioRpcError as error:
                logger.warning("keys_not_refreshed", code=error.code().name, known=len(self._keys))
                return
            self._keys = {
                key.kid: public_key({"kty": key.kty, "crv": key.crv, "x": key.x, "kid": key.kid}) for key in answer.keys
            }
            self._answered_at = self._clock()
