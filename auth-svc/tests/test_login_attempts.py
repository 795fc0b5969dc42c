"""Whoever guesses passwords waits; whoever knows theirs is not kept out for long."""

import asyncio

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from auth_svc.app import running
from auth_svc.models import FREE_FAILURES
from servicekit.testing import refused


@pytest.fixture(autouse=True)
def stopped(clock):
    """Hashing takes its time on a busy machine, and waits are of seconds."""
    clock.stop()


async def wait_of(call):
    """The seconds that a refusal asks to wait."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
        retry = error_details_pb2.RetryInfo()
        for detail in status.details:
            if detail.Unpack(retry):
                return retry.retry_delay.ToNanoseconds() / 1e9
    raise AssertionError("no RetryInfo")


async def fail(auth, times, username="admin"):
    for _ in range(times):
        assert (await refused(auth.login(username, "wrong"))).reason == "INVALID_CREDENTIALS"


@pytest.mark.parametrize("username", ["admin", "nobody"])
async def test_after_some_wrong_passwords_the_next_try_has_to_wait_whether_there_is_such_a_user_or_not(auth, username):
    await fail(auth, FREE_FAILURES, username)
    throttled = await refused(auth.login(username, "wrong"))
    assert (throttled.code, throttled.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_LOGINS")
    assert 0 < await wait_of(auth.login(username, "wrong")) <= 1


async def test_the_right_password_has_to_wait_too_and_is_taken_then(auth, clock):
    await fail(auth, FREE_FAILURES)
    assert (await refused(auth.login())).reason == "TOO_MANY_LOGINS"
    clock.move(seconds=1)
    assert (await auth.login()).access_token


async def test_the_wait_grows_and_is_never_longer_than_a_minute(auth, clock):
    await fail(auth, FREE_FAILURES)
    for expected in [1, 2, 4, 8, 16, 32, 60, 60]:
        assert expected - 1 < await wait_of(auth.login()) <= expected
        clock.move(seconds=expected)
        await fail(auth, 1)
    clock.move(seconds=60)
    assert (await auth.login()).access_token


async def test_a_right_password_forgets_the_wrong_ones(auth, rows):
    for _ in range(3):
        await fail(auth, FREE_FAILURES - 1)
        await auth.login()
    assert await (await rows.execute("SELECT * FROM t_login_failures")).fetchall() == []


async def test_wrong_passwords_are_forgotten_in_time(auth, clock):
    await fail(auth, FREE_FAILURES)
    clock.move(minutes=10)
    await fail(auth, FREE_FAILURES)


async def test_one_users_wrong_passwords_are_no_matter_of_anothers(auth):
    await fail(auth, FREE_FAILURES, "nobody")
    assert (await auth.login()).access_token


@pytest.mark.parametrize("username", ["ADMIN", " admin "])
async def test_another_spelling_of_the_name_is_no_way_around(auth, username):
    await fail(auth, FREE_FAILURES)
    assert (await refused(auth.login(username))).reason == "TOO_MANY_LOGINS"


async def test_tries_at_once_tell_no_more_than_one_after_the_other(auth):
    answers = await asyncio.gather(*(refused(auth.login(password="wrong")) for _ in range(FREE_FAILURES + 5)))
    reasons = sorted(answer.reason for answer in answers)
    assert reasons == ["INVALID_CREDENTIALS"] * FREE_FAILURES + ["TOO_MANY_LOGINS"] * 5


async def test_right_passwords_at_once_are_all_taken(auth):
    pairs = await asyncio.gather(*(auth.login() for _ in range(10)))
    assert len({pair.refresh_token for pair in pairs}) == 10


async def test_what_one_replica_counts_another_knows(auth, settings, clock, auth_at):
    await fail(auth, FREE_FAILURES)
    async with running(settings, clock) as server, auth_at(server.port) as other:
        assert (await refused(other.login())).reason == "TOO_MANY_LOGINS"


async def test_the_current_password_is_no_easier_to_guess_than_at_a_login(root):
    for _ in range(FREE_FAILURES):
        wrong = await refused(root.ChangePassword(current_password="wrong", new_password="x" * 12))
        assert wrong.reason == "INVALID_CREDENTIALS"
    throttled = await refused(root.ChangePassword(current_password="wrong", new_password="x" * 12))
    assert (throttled.code, throttled.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_LOGINS")


async def test_names_that_somebody_made_up_are_not_kept_for_ever(auth, clock, rows):
    await fail(auth, 1, "made up")
    clock.move(minutes=11)
    await fail(auth, 1, "another")
    assert await (await rows.execute("SELECT count(*) FROM t_login_failures")).fetchone() == (1,)
