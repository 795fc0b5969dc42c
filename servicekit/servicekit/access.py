"""Who calls, and whether they may: a token becomes a Caller, and the RPC's access option decides."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import jwt
from google.protobuf import descriptor_pool
from jwt.algorithms import OKPAlgorithm

from fieldstock.access.v1 import access_pb2
from servicekit.errors import NotOwnDevice, PermissionDenied, Unauthenticated

ISSUER = AUDIENCE = "fieldstock"
ALGORITHM = "EdDSA"

# No token of ours lives longer, so a revocation older than this concerns none.
LONGEST_TOKEN_SECONDS = 24 * 60 * 60

# Verified tokens that are remembered; a signature costs about 50 µs, a look-up one.
REMEMBERED_TOKENS = 100_000


class Kind(StrEnum):
    """What sort of principal a token speaks for."""

    USER = "user"
    DEVICE = "device"
    INGEST = "ingest"
    SERVICE = "service"


class Role(IntEnum):
    """A user's role; each includes those below it. Values are those of the proto enum."""

    VIEWER = access_pb2.ROLE_VIEWER
    OPERATOR = access_pb2.ROLE_OPERATOR
    ADMIN = access_pb2.ROLE_ADMIN


PRINCIPALS = {
    Kind.DEVICE: access_pb2.PRINCIPAL_DEVICE,
    Kind.INGEST: access_pb2.PRINCIPAL_INGEST,
    Kind.SERVICE: access_pb2.PRINCIPAL_SERVICE,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a verified token speaks for. Times in seconds since 1970; `role` and `session`: of users alone."""

    kind: Kind
    id: int
    name: str
    role: Role | None
    expires_at: float
    token: str
    issued_at: float = 0.0
    session: str = ""

    @property
    def principal(self) -> str:
        """The token's subject: "user:1", "device:7"."""
        return f"{self.kind}:{self.id}"


_caller: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """The caller of the RPC being served. Raises LookupError in an RPC that anyone may call."""
    return _caller.get()


def own_device(device_id: int) -> None:
    """Raises NotOwnDevice when the caller is a device, and another one."""
    who = caller()
    if who.kind is Kind.DEVICE and who.id != device_id:
        raise NotOwnDevice(own=who.id, device_id=device_id)


# Key id → public key, or None for a key that is not (or no longer) ours. Raises KeysUnavailable.
KeySource = Callable[[str], Awaitable[object | None]]

# Told of a principal and a moment (seconds since 1970): its tokens that were issued before that are good no more.
RevocationListener = Callable[[str, float], None]


def public_key(jwk: Mapping[str, str]) -> object:
    """An Ed25519 public key from its JSON Web Key (RFC 8037)."""
    return OKPAlgorithm.from_jwk(dict(jwk))


class Verifier:
    """Turns a token into its Caller."""

    def __init__(self, keys: KeySource, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._verified: OrderedDict[bytes, Caller] = OrderedDict()
        # Principal → the moment before which its tokens were issued that are good no more; oldest entry first.
        self._revoked: OrderedDict[str, float] = OrderedDict()
        self._listeners: list[RevocationListener] = []

    def on_revocation(self, listener: RevocationListener) -> None:
        """Has `listener` told of every revocation: to end what revoked tokens have opened. It may hear of one twice."""
        self._listeners.append(listener)

    def revoke(self, principal: str, issued_before: float) -> None:
        """From now on refuses the principal's tokens that were issued before a moment (seconds since 1970)."""
        self._revoked[principal] = max(issued_before, self._revoked.pop(principal, issued_before))
        oldest = self._clock() - LONGEST_TOKEN_SECONDS
        while self._revoked and next(iter(self._revoked.values())) < oldest:
            self._revoked.popitem(last=False)
        for listener in self._listeners:
            listener(principal, issued_before)

    async def verify(self, token: str) -> Caller:
        """Raises Unauthenticated (forged, expired, revoked, malformed, or not ours), KeysUnavailable."""
        # JSON can carry half a surrogate pair, which is no text to be encoded; such a token is only not valid.
        digest = hashlib.blake2b(token.encode(errors="surrogatepass"), digest_size=16).digest()
        found = self._verified.get(digest)
        if found is None:
            found = await self._read(token)
            self._verified[digest] = found
            if len(self._verified) > REMEMBERED_TOKENS:
                self._verified.popitem(last=False)
        if found.expires_at <= self._clock():
            self._verified.pop(digest, None)
            raise Unauthenticated(why="The token has expired")
        if self._revoked and found.issued_at < self._revoked.get(found.principal, 0.0):
            raise Unauthenticated(why="The token was revoked")
        return found

    async def _read(self, token: str) -> Caller:
        key = await self._keys(_key_id(token))
        if key is None:
            raise Unauthenticated(why="The token was not signed by a key of ours")
        try:
            claims = jwt.decode(
                token,
                key,  # pyright: ignore[reportArgumentType]
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                # Expiry is judged by our own clock, at every use and not only at the first.
                options={"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False},
            )
            kind, _, number = str(claims["sub"]).partition(":")
            role = Role[claims["role"].upper()] if kind == Kind.USER else None
            return Caller(
                kind=Kind(kind),
                id=int(number),
                name=str(claims.get("name", "")),
                role=role,
                expires_at=float(claims["exp"]),
                token=token,
                issued_at=float(claims["iat"]),
                session=str(claims.get("sid", "")),
            )
        except (jwt.PyJWTError, KeyError, ValueError, AttributeError) as error:
            raise Unauthenticated(why="The token is not valid") from error


def _key_id(token: str) -> str:
    try:
        return str(jwt.get_unverified_header(token).get("kid", ""))
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Unauthenticated(why="The token is not valid") from error


class AccessRules:
    """The access option of every RPC of some proto services."""

    def __init__(self, services: list[str]) -> None:
        """`services`: full names. Raises KeyError for one that no loaded proto defines."""
        pool: Any = descriptor_pool.Default()
        access: Any = access_pb2.access
        self._rules: dict[str, access_pb2.Access] = {}
        for service in services:
            for method in pool.FindServiceByName(service).methods:
                options = method.GetOptions()
                if options.HasExtension(access):
                    self._rules[f"/{service}/{method.name}"] = options.Extensions[access]

    def open_to_anyone(self, method: str) -> bool:
        """Whether the method (as "/package.Service/Method") needs no token."""
        rule = self._rules.get(method)
        return rule is not None and rule.anyone

    def check(self, method: str, who: Caller) -> None:
        """Raises PermissionDenied. A method without the option is denied to all."""
        rule = self._rules.get(method)
        if rule is not None:
            if rule.anyone:
                return
            if who.kind is Kind.USER:
                if rule.at_least and who.role is not None and who.role >= rule.at_least:
                    return
            elif PRINCIPALS[who.kind] in rule.also:
                return
        who_in_words = who.role.name.lower() if who.role else str(who.kind)
        raise PermissionDenied(who=f"A caller with the role {who_in_words}", method=method.rpartition("/")[2])


def enter(who: Caller) -> None:
    """Makes `who` the caller for the rest of this task."""
    _caller.set(who)


def bearer(metadata: Mapping[str, str | bytes]) -> str:
    """The token of an RPC's metadata. Raises Unauthenticated when there is none."""
    scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(why="A bearer token is needed")
    return token.strip()
