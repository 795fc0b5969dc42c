"""Logging in, staying in, and getting out."""

import asyncio
import hashlib

import grpc
import pytest

from servicekit.access import Role
from servicekit.errors import Unauthenticated
from servicekit.testing import Refused, eventually, refused

NOT_TOKENS = ["forged", "é" * 40, "\x00", "x" * 1_000_000]


async def test_a_login_gives_a_token_that_other_services_take(auth):
    pair = await auth.login()
    caller = await auth.caller(pair.access_token)
    assert (caller.principal, caller.name, caller.role) == ("user:1", "admin", Role.ADMIN)
    assert (pair.token_type, pair.expires_in) == ("Bearer", 900)


async def test_an_access_token_expires_when_it_said(auth, clock):
    pair = await auth.login()
    clock.move(seconds=pair.expires_in - 10)
    await auth.caller(pair.access_token)
    clock.move(seconds=10)
    with pytest.raises(Unauthenticated, match="expired"):
        await auth.caller(pair.access_token)


async def test_a_username_is_known_without_regard_to_case(auth):
    pair = await auth.login(username=" ADMIN ")
    assert (await auth.caller(pair.access_token)).name == "admin"


async def test_no_user_a_wrong_password_and_a_deactivated_user_are_refused_alike(auth, rows):
    nobody = await refused(auth.login(username="nobody"))
    wrong = await refused(auth.login(password="wrong"))
    await rows.execute("UPDATE t_users SET active = false")
    deactivated = await refused(auth.login())
    assert (nobody.code, nobody.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")
    assert vars(nobody) == vars(wrong) == vars(deactivated)


async def test_a_user_who_changes_while_the_password_is_checked_is_not_let_in(auth, rows, lock_waits):
    async with rows.transaction():
        await rows.execute("UPDATE t_users SET active = false, version = version + 1")
        login = asyncio.ensure_future(refused(auth.login()))
        await eventually(lambda: lock_waits(1))
    assert (await login).reason == "INVALID_CREDENTIALS"


async def test_a_refresh_gives_the_next_pair(auth):
    first = await auth.login()
    second = await auth.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert (await auth.caller(second.access_token)).principal == "user:1"
    assert (await auth.refresh(second.refresh_token)).expires_in == 900


async def test_a_refreshed_token_has_the_role_of_now(auth, rows):
    pair = await auth.login()
    await rows.execute("UPDATE t_users SET role = 'viewer', version = version + 1")
    pair = await auth.refresh(pair.refresh_token)
    assert (await auth.caller(pair.access_token)).role is Role.VIEWER


async def test_a_replayed_refresh_token_ends_its_session_and_no_other(auth):
    other = await auth.login()
    first = await auth.login()
    second = await auth.refresh(first.refresh_token)

    replayed = await refused(auth.refresh(first.refresh_token))
    assert (replayed.code, replayed.reason) == ("UNAUTHENTICATED", "REFRESH_TOKEN_REPLAYED")
    ended = await refused(auth.refresh(second.refresh_token))
    assert (ended.code, ended.reason) == ("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN")
    await auth.refresh(other.refresh_token)


async def test_of_many_refreshes_with_one_token_at_once_one_wins_and_the_session_ends(auth):
    pair = await auth.login()
    answers = await asyncio.gather(*(auth.refresh(pair.refresh_token) for _ in range(10)), return_exceptions=True)
    [won] = [answer for answer in answers if not isinstance(answer, BaseException)]
    reasons = [Refused(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    # The first to come late ends the session; for those after it, it has ended.
    assert sorted(reasons) == ["INVALID_REFRESH_TOKEN"] * 8 + ["REFRESH_TOKEN_REPLAYED"]
    assert (await refused(auth.refresh(won.refresh_token))).reason == "INVALID_REFRESH_TOKEN"


async def test_a_replay_that_meets_a_refresh_leaves_no_token_alive(auth):
    for _ in range(10):
        first = await auth.login()
        second = await auth.refresh(first.refresh_token)
        replay = auth.refresh(first.refresh_token)
        answers = await asyncio.gather(auth.refresh(second.refresh_token), replay, return_exceptions=True)
        for answer in answers:
            if not isinstance(answer, BaseException):
                assert (await refused(auth.refresh(answer.refresh_token))).reason == "INVALID_REFRESH_TOKEN"


async def test_a_session_lasts_for_as_long_as_it_is_used_within_30_days(auth, clock):
    pair = await auth.login()
    for _ in range(3):
        clock.move(days=29)
        pair = await auth.refresh(pair.refresh_token)
    clock.move(days=30)
    expired = await refused(auth.refresh(pair.refresh_token))
    assert (expired.code, expired.reason) == ("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN")


async def test_a_used_token_that_has_expired_ends_nothing(auth, clock):
    first = await auth.login()
    clock.move(days=29)
    second = await auth.refresh(first.refresh_token)
    clock.move(days=2)
    assert (await refused(auth.refresh(first.refresh_token))).reason == "INVALID_REFRESH_TOKEN"
    await auth.refresh(second.refresh_token)


async def test_a_refresh_that_meets_a_deactivation_gives_no_token(auth, rows, lock_waits):
    pair = await auth.login()
    async with rows.transaction():
        await rows.execute("UPDATE t_users SET active = false")
        refresh = asyncio.ensure_future(refused(auth.refresh(pair.refresh_token)))
        await eventually(lambda: lock_waits(1))
    assert (await refresh).reason == "INVALID_REFRESH_TOKEN"


async def test_a_deactivated_user_is_not_refreshed(auth, rows):
    pair = await auth.login()
    await rows.execute("UPDATE t_users SET active = false")
    assert (await refused(auth.refresh(pair.refresh_token))).reason == "INVALID_REFRESH_TOKEN"


async def test_a_logout_ends_the_session_and_no_other(auth):
    other = await auth.login()
    first = await auth.login()
    second = await auth.refresh(first.refresh_token)
    # Even with a token that was used: whoever logs out wants it over.
    await auth.logout(first.refresh_token)
    assert (await refused(auth.refresh(second.refresh_token))).reason == "INVALID_REFRESH_TOKEN"
    await auth.refresh(other.refresh_token)


@pytest.mark.parametrize("token", NOT_TOKENS, ids=lambda token: f"{token[:8]!r}, {len(token)} characters")
async def test_what_is_no_refresh_token_refreshes_nothing_and_logs_nobody_out(auth, token):
    unknown = await refused(auth.refresh(token))
    assert (unknown.code, unknown.reason) == ("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN")
    await auth.logout(token)


async def test_a_missing_refresh_token_is_named(auth):
    for call in (auth.refresh, auth.logout):
        missing = await refused(call(""))
        assert (missing.code, missing.reason, missing.fields) == (
            "INVALID_ARGUMENT",
            "INVALID_FIELD",
            ["refresh_token"],
        )


async def test_a_refresh_token_is_kept_as_its_hash_alone(auth, rows):
    pair = await auth.login()
    [row] = await (await rows.execute("SELECT sha256 FROM t_refresh_tokens")).fetchall()
    assert row[0] == hashlib.sha256(pair.refresh_token.encode()).digest()


async def test_what_has_expired_is_forgotten(auth, clock, rows):
    pair = await auth.login()
    clock.move(days=29)
    pair = await auth.refresh(pair.refresh_token)
    clock.move(days=29)
    await auth.refresh(pair.refresh_token)
    assert await _count(rows, "t_refresh_tokens") == 2  # the first login's is gone
    clock.move(days=31)
    await auth.login()
    assert (await _count(rows, "t_sessions"), await _count(rows, "t_refresh_tokens")) == (1, 1)


async def _count(rows, table):
    return (await (await rows.execute(f"SELECT count(*) FROM {table}")).fetchone())[0]
