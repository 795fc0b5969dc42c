"""Access tokens: JWTs that say who calls, until when, and in which role."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from auth_svc.keys import SigningKeys
from servicekit.access import AUDIENCE, ISSUER, Kind


class AccessTokens:
    """Makes the tokens that servicekit.access.Verifier takes."""

    def __init__(self, keys: SigningKeys, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._clock = clock

    async def issue(self, kind: Kind, id: int, name: str, *, seconds: int, role: str | None = None) -> str:
        """A token that expires so many seconds from now; `role` of users alone. Raises KeysUnavailable."""
        issued_at = int(self._clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{kind}:{id}",
            "name": name,
            "iat": issued_at,
            "exp": issued_at + seconds,
            "jti": uuid4().hex,
        }
        if role:
            claims["role"] = role
        return await self._keys.sign(claims)
