"""The keys that sign our tokens: published before they sign, and for as long as anything they signed may be valid."""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.models import SigningKey
from auth_svc.repository import Transaction
from servicekit.access import ALGORITHM
from servicekit.errors import DatabaseUnavailable, KeysUnavailable
from servicekit.logs import logger

# Longer than whoever verifies keeps an answer (Envoy: 5 minutes) and than a replica takes to see a new key.
PUBLISHED_AHEAD = timedelta(minutes=15)
# How often a replica looks for the keys that another has made.
REFRESH = timedelta(seconds=30)
RETRY_SECONDS = 1.0
# The advisory lock under which keys are made and removed: of several replicas, one does it.
LOCK = 0x6B657973


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key, ready for use."""

    kid: str
    private: Ed25519PrivateKey
    signs_from: datetime

    @property
    def x(self) -> str:
        """The public key as JWKs have it: base64url without padding."""
        return base64.urlsafe_b64encode(self.private.public_key().public_bytes_raw()).decode().rstrip("=")


def signer(keys: Sequence[Key], now: datetime) -> Key | None:
    """The key that signs at `now`: the last whose time has come. `keys` in the order in which they sign."""
    return next((key for key in reversed(keys) if key.signs_from <= now), None)


def next_signs_from(keys: Sequence[SigningKey], rotation: timedelta, now: datetime) -> datetime | None:
    """When the next key is to sign, if it is to be made and published now."""
    if not keys:
        return now
    due = keys[-1].signs_from + rotation
    return max(due, now + PUBLISHED_AHEAD) if due - PUBLISHED_AHEAD <= now else None


def expired(keys: Sequence[SigningKey], longest_token: timedelta, now: datetime) -> list[SigningKey]:
    """Those that signed nothing which may still be valid.

    PUBLISHED_AHEAD is added for a replica that was cut off and signed on with the key that it knew.
    """
    return [key for key, successor in pairwise(keys) if successor.signs_from + longest_token + PUBLISHED_AHEAD <= now]


class SigningKeys:
    """Auth's keys, read anew now and then as they are used, and rotated when it is time."""

    def __init__(
        self, transaction: Transaction, clock: Callable[[], datetime], *, rotation: timedelta, longest_token: timedelta
    ) -> None:
        self._transaction = transaction
        self._clock = clock
        self._rotation = rotation
        self._longest_token = longest_token
        self._keys: list[Key] = []
        self._tried_at = datetime.min.replace(tzinfo=UTC)
        self._refreshing = asyncio.Lock()

    async def sign(self, claims: Mapping[str, object]) -> str:
        """A JWT of these claims. Raises KeysUnavailable."""
        key = signer(await self.published(), self._clock())
        if key is None:
            raise KeysUnavailable(retry_after=RETRY_SECONDS)
        return jwt.encode(dict(claims), key.private, ALGORITHM, headers={"kid": key.kid})

    async def public_key(self, kid: str) -> object | None:
        """A KeySource, for the tokens that come back to us. Raises KeysUnavailable."""
        return next((key.private.public_key() for key in await self.published() if key.kid == kid), None)

    async def published(self) -> Sequence[Key]:
        """Those whose tokens may be valid, and the one that signs next, in the order in which they sign.

        Raises KeysUnavailable when none could be read so far.
        """
        now, tried_at = self._clock(), self._tried_at
        if not self._keys or now - tried_at >= REFRESH:
            async with self._refreshing:
                if self._tried_at == tried_at:  # else another call tried while this one waited
                    self._tried_at = now
                    await self._refresh(now)
        if not self._keys:
            raise KeysUnavailable(retry_after=RETRY_SECONDS)
        return self._keys

    async def _refresh(self, now: datetime) -> None:
        try:
            async with self._transaction() as repository:
                await repository.alone(LOCK)
                rows = await repository.signing_keys()
                signs_from = next_signs_from(rows, self._rotation, now)
                if signs_from:
                    rows.append(_new_key(now, signs_from))
                    repository.add(rows[-1])
                for row in expired(rows, self._longest_token, now):
                    await repository.forget_key(row)
                    rows.remove(row)
        except DatabaseUnavailable as error:
            logger.warning("keys_not_refreshed", error=str(error.__cause__), known=len(self._keys))
            return
        self._keys = [
            Key(row.kid, Ed25519PrivateKey.from_private_bytes(row.private_key), row.signs_from) for row in rows
        ]
        if signs_from:
            logger.info("signing_key_made", kid=rows[-1].kid, signs_from=signs_from.isoformat())


def _new_key(now: datetime, signs_from: datetime) -> SigningKey:
    private = Ed25519PrivateKey.generate().private_bytes_raw()
    return SigningKey(kid=secrets.token_urlsafe(12), private_key=private, made_at=now, signs_from=signs_from)
