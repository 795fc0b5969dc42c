"""Tokens that a service takes, signed by the test."""

import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from servicekit.access import ALGORITHM, AUDIENCE, ISSUER, Kind, Role, Verifier
from servicekit.testing.client import Metadata, metadata_of


class Issuer:
    """Signs tokens, in the place of auth-svc."""

    kid = "test"

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._verifiers: list[Verifier] = []

    async def keys(self, kid: str) -> object | None:
        """A KeySource of the one key."""
        return self._key.public_key() if kid == self.kid else None

    def verifier(self) -> Verifier:
        """Takes the tokens of this issuer."""
        self._verifiers.append(Verifier(self.keys))
        return self._verifiers[-1]

    def revoke(self, principal: str) -> None:
        """Takes back the tokens of a principal that were issued so far."""
        for verifier in self._verifiers:
            verifier.revoke(principal, time.time())

    def token(self, kind: Kind = Kind.USER, id: int = 1, role: Role | None = Role.ADMIN, ttl: float = 900) -> str:
        """A token of a principal; a negative `ttl` (seconds) gives one that has expired."""
        now = time.time()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"{kind}:{id}",
            "name": f"{kind}-{id}" if kind is not Kind.USER or id != 1 else "admin",
            "iat": now,
            "exp": now + ttl,
        }
        if kind is Kind.USER and role:
            claims["role"] = role.name.lower()
        return jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self.kid})

    def metadata(self, kind: Kind = Kind.USER, id: int = 1, role: Role | None = Role.ADMIN) -> Metadata:
        """gRPC metadata with a token of a principal."""
        return metadata_of(self.token(kind, id, role))
