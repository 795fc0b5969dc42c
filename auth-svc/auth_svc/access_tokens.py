"""Access tokens: JWTs that say who calls, until when, and in which role."""

from datetime import datetime
from uuid import UUID, uuid4

from auth_svc.keys import SigningKeys
from servicekit.access import AUDIENCE, ISSUER, Kind


class AccessTokens:
    """Makes the tokens that servicekit.access.Verifier takes."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    async def issue(
        self,
        kind: Kind,
        id: int,
        name: str,
        issued_at: datetime,
        *,
        seconds: int,
        role: str | None = None,
        session: UUID | None = None,
    ) -> str:
        """A token that expires so many seconds from `issued_at`; `role` and `session` of users alone.

        `issued_at` is from before the principal's row was locked and read, or from while it was: what revokes it later
        must come later by the clock as well. Raises KeysUnavailable.
        """
        moment = issued_at.timestamp()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{kind}:{id}",
            "name": name,
            # Not in whole seconds: a revocation and the login that follows it may share one.
            "iat": moment,
            "exp": int(moment) + seconds,
            "jti": uuid4().hex,
        }
        if role:
            claims["role"] = role
        if session:
            claims["sid"] = str(session)
        return await self._keys.sign(claims)
