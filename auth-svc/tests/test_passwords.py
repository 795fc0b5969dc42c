"""Passwords: what they may be, how they are kept, and how many are checked at once."""

import asyncio
import threading
import unicodedata

import pytest
from argon2 import PasswordHasher

from auth_svc.errors import TooManyLogins
from auth_svc.passwords import AT_A_TIME, WAITING, Passwords
from servicekit.testing import refused

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
MEGABYTE = "x" * 1_000_000


@pytest.mark.parametrize(
    "username, password, fields",
    [
        ("", "", ["password", "username"]),
        ("   ", "x", ["username"]),
        (MEGABYTE, "x", ["username"]),
        ("admin", MEGABYTE, ["password"]),
        ("admin", "x" * 257, ["password"]),
        (MEGABYTE, MEGABYTE, ["password", "username"]),
        ("ad\x00min", "x", ["username"]),
        ("admin", "correct\x00", ["password"]),
        ("admin", "bell\x07", ["password"]),
        ("a\u202emin", "x", ["username"]),
        ("\u0301" * 1_000_000, "\u0301" * 1_000_000, ["password", "username"]),
    ],
    ids=lambda value: repr(value[:8]) if isinstance(value, str) else None,
)
async def test_what_can_be_no_name_and_no_password_is_named(auth, username, password, fields):
    answer = await refused(auth.login(username, password))
    assert (answer.code, answer.reason, answer.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", fields)


@pytest.mark.parametrize("password", ["x" * 256, "pass word", "パスワード", "🦄" * 64])
async def test_a_wrong_password_of_any_script_is_a_wrong_password(auth, password):
    assert (await refused(auth.login(password=password))).reason == "INVALID_CREDENTIALS"


async def test_a_password_is_the_same_however_a_keyboard_composes_it(auth, rows):
    composed, decomposed = (unicodedata.normalize(form, "Zoë à la crème") for form in ("NFC", "NFD"))
    assert decomposed != composed
    await rows.execute("UPDATE t_users SET password_hash = %s", [CHEAP.hash(composed)])
    assert (await auth.login(password=decomposed)).access_token


async def test_a_hash_of_old_parameters_is_made_anew_at_a_login(auth, rows):
    await rows.execute("UPDATE t_users SET password_hash = %s", [CHEAP.hash("old")])
    await auth.login(password="old")
    [row] = await (await rows.execute("SELECT password_hash, version FROM t_users")).fetchall()
    assert not PasswordHasher().check_needs_rehash(row[0])
    assert row[1] == 1  # nothing that others see of the user has changed
    await auth.login(password="old")


async def test_a_password_is_kept_as_argon2id_alone(auth, rows):
    [row] = await (await rows.execute("SELECT password_hash FROM t_users")).fetchall()
    assert row[0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_an_unknown_user_takes_as_much_work_as_a_known_one():
    worked = []

    class Counting(PasswordHasher):
        def verify(self, hash, password):
            worked.append(hash)
            return super().verify(hash, password)

    with Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1)) as passwords:
        known = await passwords.hash("right")
        assert await passwords.verify("right", known)
        assert not await passwords.verify("wrong", known)
        assert not await passwords.verify("right", None)
        assert not await passwords.verify("nobody", None)
    assert len(worked) == 4


async def test_logins_beyond_those_that_can_wait_are_told_to_come_again():
    gate = threading.Event()

    class Held(PasswordHasher):
        def hash(self, password, *, salt=None):
            gate.wait(10)
            return super().hash(password, salt=salt)

    with Passwords(Held(time_cost=1, memory_cost=8, parallelism=1)) as passwords:
        waiting = [asyncio.ensure_future(passwords.hash("x")) for _ in range(AT_A_TIME + WAITING)]
        with pytest.raises(TooManyLogins) as refusal:
            await asyncio.gather(passwords.hash("one too many"))
        assert refusal.value.retry_after
        gate.set()
        await asyncio.gather(*waiting)
        assert await passwords.hash("x")


async def test_a_flood_of_logins_is_refused_with_a_reason_and_leaves_the_rest_working(auth, clock):
    flood = [asyncio.ensure_future(auth.login(password="wrong")) for _ in range(AT_A_TIME + WAITING + 20)]
    answers = [await refused(login) for login in flood]
    busy = [answer for answer in answers if answer.reason == "TOO_MANY_LOGINS"]
    assert busy
    assert {answer.code for answer in busy} == {"RESOURCE_EXHAUSTED"}
    assert {answer.reason for answer in answers} == {"TOO_MANY_LOGINS", "INVALID_CREDENTIALS"}
    clock.move(minutes=1)
    assert (await auth.login()).access_token
