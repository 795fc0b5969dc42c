"""The keys that sign: shown before they sign, and until nothing that they signed is valid any more."""

import asyncio
from base64 import urlsafe_b64decode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auth_svc.app import running
from servicekit.access import AUDIENCE, ISSUER
from servicekit.testing import eventually, refused


async def test_the_key_set_verifies_our_tokens_by_the_book(auth):
    [key] = (await auth.key_set()).keys
    assert (key.kty, key.crv, key.alg, key.use) == ("OKP", "Ed25519", "EdDSA", "sig")
    public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key.x + "="))

    token = (await auth.login()).access_token
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": key.kid}
    claims = jwt.decode(token, public, ["EdDSA"], issuer=ISSUER, audience=AUDIENCE)
    assert claims.keys() == {"iss", "aud", "sub", "name", "role", "sid", "iat", "exp", "jti"}
    assert (claims["sub"], claims["role"], claims["exp"] - int(claims["iat"])) == ("user:1", "admin", 900)


async def test_two_tokens_of_one_moment_are_two(auth):
    assert (await auth.login()).access_token != (await auth.login()).access_token


async def test_a_service_that_is_called_by_many_at_its_start_answers_all(auth):
    answers = await asyncio.gather(*(auth.key_ids() for _ in range(50)))
    assert {tuple(ids) for ids in answers} == {tuple(await auth.key_ids())}
    assert len(answers[0]) == 1


async def test_replicas_that_start_together_have_one_key(settings, admin, clock, auth_at, rows, lock_waits):
    async with (
        running(settings, clock) as here,
        running(settings, clock) as there,
        auth_at(here.port) as one,
        auth_at(there.port) as other,
    ):
        async with rows.transaction():
            # Both have looked for a key before either can make one.
            await rows.execute("LOCK TABLE t_signing_keys IN EXCLUSIVE MODE")
            ids = asyncio.gather(one.key_ids(), other.key_ids())
            await eventually(lambda: lock_waits(2))
        [of_one, of_other] = await ids
        assert of_one == of_other
        # What one signs, whoever has its keys from the other takes.
        assert (await other.caller((await one.login()).access_token)).principal == "user:1"


async def test_a_restart_keeps_the_key(settings, clock, auth_at):
    seen = set()
    for _ in range(2):
        async with running(settings, clock) as server, auth_at(server.port) as auth:
            seen.update(await auth.key_ids())
    assert len(seen) == 1


async def signer(auth):
    return jwt.get_unverified_header((await auth.login()).access_token)["kid"]


async def test_a_new_key_is_shown_a_quarter_of_an_hour_before_it_signs(auth, clock):
    [old] = await auth.key_ids()
    clock.move(days=30, minutes=-16)
    assert await auth.key_ids() == [old]

    clock.move(minutes=2)
    [_, new] = await auth.key_ids()
    assert await signer(auth) == old

    clock.move(minutes=13)
    assert await signer(auth) == old
    clock.move(minutes=2)
    assert await signer(auth) == new
    assert await auth.key_ids() == [old, new]


async def test_an_old_key_is_shown_until_its_last_token_has_expired(auth, clock):
    [old] = await auth.key_ids()
    clock.move(days=30, minutes=-1)
    [_, new] = await auth.key_ids()
    pair = await auth.login()
    clock.move(minutes=14)
    assert (await auth.caller(pair.access_token)).principal == "user:1"

    # A device's token lives for an hour, and a replica that was cut off may have signed for a quarter longer.
    clock.move(minutes=75)
    assert await auth.key_ids() == [old, new]
    clock.move(minutes=2)
    assert await auth.key_ids() == [new]


async def test_a_service_that_slept_through_a_rotation_shows_the_new_key_before_it_uses_it(auth, clock):
    [old] = await auth.key_ids()
    clock.move(days=100)
    [_, new] = await auth.key_ids()
    assert await signer(auth) == old
    clock.move(minutes=16)
    assert await signer(auth) == new


async def test_a_service_that_starts_without_its_database_says_so_until_it_has_one(auth, outage):
    async with outage():
        away = [await refused(auth.key_set()) for _ in range(2)]
        assert {(answer.code, answer.reason) for answer in away} == {("UNAVAILABLE", "KEYS_UNAVAILABLE")}
    assert len(await auth.key_ids()) == 1


async def test_known_keys_are_shown_while_the_database_is_away(auth, clock, outage):
    known = await auth.key_ids()
    async with outage():
        clock.move(minutes=1)
        assert await auth.key_ids() == known


@pytest.mark.parametrize("hours", [1, 24 * 365])
async def test_there_are_never_more_than_two_keys(auth, clock, hours):
    for _ in range(3):
        clock.move(hours=hours)
        assert len(await auth.key_ids()) <= 2
