"""Tokens and the access option."""

import time

import jwt
import pytest

from fieldstock.inventory.v1 import device_service_pb2  # noqa: F401 - its descriptors hold the access options
from servicekit.access import LONGEST_TOKEN_SECONDS, AccessRules, Caller, Kind, Role, Verifier
from servicekit.errors import PermissionDenied, Unauthenticated
from servicekit.testing import Issuer

SERVICE = "fieldstock.inventory.v1.DeviceService"


async def test_a_token_becomes_its_caller(issuer):
    who = await issuer.verifier().verify(issuer.token(Kind.USER, 7, Role.OPERATOR))
    assert (who.kind, who.id, who.role, who.principal) == (Kind.USER, 7, Role.OPERATOR, "user:7")
    who = await issuer.verifier().verify(issuer.token(Kind.DEVICE, 31))
    assert (who.kind, who.id, who.role, who.principal) == (Kind.DEVICE, 31, None, "device:31")


async def test_a_token_of_another_issuer_is_refused(issuer):
    with pytest.raises(Unauthenticated, match="not valid"):
        await issuer.verifier().verify(Issuer().token())


@pytest.mark.parametrize("token", ["", "x", "x.y.z", "é.é.é", "a" * 5000, "eyJhIjpb" + "W1tb" * 3000 + ".e30.eA"])
async def test_what_is_no_token_is_refused(issuer, token):
    with pytest.raises(Unauthenticated):
        await issuer.verifier().verify(token)


async def test_a_token_is_refused_from_the_moment_it_expires_even_when_it_was_taken_before(issuer):
    now = time.time()
    verifier = Verifier(issuer.keys, clock=lambda: now)
    token = issuer.token(ttl=60)
    await verifier.verify(token)
    now += 61
    with pytest.raises(Unauthenticated, match="expired"):
        await verifier.verify(token)


async def test_a_revoked_principals_tokens_are_refused_at_once_and_those_issued_later_are_not(issuer):
    verifier = issuer.verifier()
    old, other = issuer.token(id=7), issuer.token(id=8)
    await verifier.verify(old)  # remembered, and refused all the same
    verifier.revoke("user:7", time.time())
    with pytest.raises(Unauthenticated, match="revoked"):
        await verifier.verify(old)
    assert (await verifier.verify(issuer.token(id=7))).principal == "user:7"
    assert (await verifier.verify(other)).principal == "user:8"


async def test_an_older_revocation_that_comes_later_takes_nothing_back(issuer):
    verifier, token = issuer.verifier(), issuer.token(id=7)
    verifier.revoke("user:7", time.time())
    verifier.revoke("user:7", time.time() - 60)
    with pytest.raises(Unauthenticated, match="revoked"):
        await verifier.verify(token)


def test_revocations_are_forgotten_when_no_token_is_left_that_they_concern(issuer):
    now = time.time()
    verifier = Verifier(issuer.keys, clock=lambda: now)
    for number in range(1_000):
        verifier.revoke(f"user:{number}", now)
    now += LONGEST_TOKEN_SECONDS + 1
    verifier.revoke("user:7", now)
    assert len(verifier._revoked) == 1


def test_whoever_holds_something_open_is_told_of_a_revocation(issuer):
    verifier, told = issuer.verifier(), []
    verifier.on_revocation(lambda *revoked: told.append(revoked))
    verifier.revoke("user:7", 5.0)
    assert told == [("user:7", 5.0)]


@pytest.mark.parametrize("claim", ["exp", "sub", "iss", "aud", "iat"])
async def test_a_token_that_lacks_a_claim_is_refused(issuer, claim):
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    del claims[claim]
    token = jwt.encode(claims, issuer._key, "EdDSA", headers={"kid": issuer.kid})
    with pytest.raises(Unauthenticated):
        await issuer.verifier().verify(token)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_the_algorithm_is_ours_whatever_the_token_says(issuer, algorithm):
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    token = jwt.encode(claims, "k" * 32 if algorithm == "HS256" else None, algorithm, headers={"kid": issuer.kid})
    with pytest.raises(Unauthenticated):
        await issuer.verifier().verify(token)


def caller(kind: Kind, role: Role | None = None) -> Caller:
    return Caller(kind, 1, "somebody", role, 0, "")


@pytest.mark.parametrize(
    ("method", "allowed"),
    [
        ("GetDevice", {"viewer", "operator", "admin", "device", "service"}),
        ("DeployDevice", {"operator", "admin"}),
        ("RetireDevice", {"admin"}),
        ("NoSuchMethod", set()),
    ],
)
def test_the_access_option_decides(method, allowed):
    rules = AccessRules([SERVICE])
    everybody = {role.name.lower(): caller(Kind.USER, role) for role in Role}
    everybody |= {kind.value: caller(kind) for kind in Kind if kind is not Kind.USER}
    everybody["user without a role"] = caller(Kind.USER)

    def may(who: Caller) -> bool:
        try:
            rules.check(f"/{SERVICE}/{method}", who)
        except PermissionDenied:
            return False
        return True

    assert {name for name, who in everybody.items() if may(who)} == allowed
