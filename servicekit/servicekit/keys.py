"""The public keys of auth-svc, as another service sees them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from jwt import PyJWTError

from fieldstock.auth.v1 import key_service_pb2, key_service_pb2_grpc
from servicekit import revocations
from servicekit.access import Verifier, public_key
from servicekit.broker import Broker
from servicekit.channels import connect
from servicekit.errors import KeysUnavailable
from servicekit.logs import logger

# A key that auth-svc withdraws is good for no longer than this.
REFRESH_SECONDS = 60.0
# An unknown key id may be a forger's: it must not make us ask auth-svc each time.
ASK_AGAIN_SECONDS = 2.0
DEADLINE_SECONDS = 3.0


class RemoteKeys:
    """A KeySource that asks auth-svc, and goes on with what it knows while auth-svc is away."""

    def __init__(self, channel: grpc.aio.Channel, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, from any beginning."""
        self._stub = key_service_pb2_grpc.KeyServiceStub(channel)
        self._clock = clock
        self._keys: dict[str, object] = {}
        self._asked_at = float("-inf")
        self._answered = False
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, kid: str) -> object | None:
        """Raises KeysUnavailable when the key is not known and auth-svc cannot be asked."""
        wait = REFRESH_SECONDS if kid in self._keys else ASK_AGAIN_SECONDS
        if self._clock() - self._asked_at > wait:
            await self._ask()
        elif kid not in self._keys and self._asking is not None:
            await asyncio.shield(self._asking)
        if kid not in self._keys and not self._answered:
            raise KeysUnavailable(retry_after=ASK_AGAIN_SECONDS)
        return self._keys.get(kid)

    async def _ask(self) -> None:
        # A task of its own: a caller that gives up must not take the answer from those who wait beside it.
        if self._asking is None:
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._refresh())
        await asyncio.shield(self._asking)

    async def _refresh(self) -> None:
        try:
            answer = await self._stub.GetKeySet(key_service_pb2.GetKeySetRequest(), timeout=DEADLINE_SECONDS)
        except grpc.aio.AioRpcError as error:
            self._answered = False
            logger.warning("keys_not_refreshed", code=error.code().name, known=len(self._keys))
        else:
            self._answered = True
            self._keys = _readable(answer)
        finally:
            self._asking = None


@asynccontextmanager
async def verifying(auth_target: str, broker: Broker) -> AsyncIterator[Verifier]:
    """A verifier of tokens by the keys and the revocations of auth-svc at host:port, which need not be there yet."""
    async with connect(auth_target) as channel:
        verifier = Verifier(RemoteKeys(channel))
        revocations.follow(broker, verifier, revocations.remote(channel))
        yield verifier


def _readable(answer: key_service_pb2.KeySet) -> dict[str, object]:
    keys: dict[str, object] = {}
    for key in answer.keys:
        try:
            keys[key.kid] = public_key({"kty": key.kty, "crv": key.crv, "x": key.x, "kid": key.kid})
        except (PyJWTError, ValueError) as error:  # of a kind that a newer auth-svc knows; the others are good
            logger.warning("key_not_read", kid=key.kid, error=repr(error))
    return keys
