"""A device's credential becomes a token, as long as its status allows."""

import asyncio

import pytest

from fieldstock.auth.v1 import events_pb2
from servicekit.access import Kind
from servicekit.testing import eventually, refused

SECRET = "kVxQ3v0uZkq1n6dWQm7cS0Jm1y6Jf5m2nq0bq3mVQyA"


@pytest.fixture
async def becomes(inventory):
    """Device 7 with the serial number SN-7 and its SECRET is in stock, and then becomes what it is called with."""
    version = 0

    async def become(status):
        nonlocal version
        version += 1
        await inventory.device(status=status, version=version)
        await inventory.heard()

    await inventory.credential(SECRET)
    await become("in_stock")
    return become


@pytest.mark.parametrize("status", ["deployed", "maintenance"])
async def test_a_device_in_the_field_gets_a_token_of_its_own(auth, becomes, status):
    await becomes(status)
    token = await auth.device_token("SN-7", SECRET)
    assert (token.token_type, token.expires_in, token.device_id) == ("Bearer", 3600, 7)
    caller = await auth.caller(token.access_token)
    assert (caller.kind, caller.id, caller.name, caller.role) == (Kind.DEVICE, 7, "SN-7", None)


async def test_a_serial_number_is_known_without_regard_to_case(auth, becomes):
    await becomes("deployed")
    assert (await auth.device_token(" sn-7 ", SECRET)).device_id == 7


@pytest.mark.parametrize("serial, secret", [("SN-7", SECRET[:-1]), ("SN-7", "é" * 40), ("SN-8", SECRET)])
async def test_a_wrong_secret_and_an_unknown_serial_number_are_refused_alike(auth, becomes, serial, secret):
    await becomes("deployed")
    answer = await refused(auth.device_token(serial, secret))
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")
    assert answer.message == "These credentials are not right."


@pytest.mark.parametrize(
    "serial, secret, fields",
    [
        ("", "", ["secret", "serial_number"]),
        ("x" * 1_000_000, "x" * 1_000_000, ["secret", "serial_number"]),
        ("SN-7\x00", "x\x00", ["secret", "serial_number"]),
        ("SN-7", "x" * 257, ["secret"]),
        ("x" * 101, "x", ["serial_number"]),
    ],
    ids=["empty", "a megabyte", "NUL", "a long secret", "a long serial number"],
)
async def test_what_can_be_no_credential_is_named(auth, serial, secret, fields):
    answer = await refused(auth.device_token(serial, secret))
    assert (answer.code, answer.reason, answer.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", fields)


@pytest.mark.parametrize("status", ["in_stock", "reserved", "retired"])
async def test_a_device_that_is_not_in_the_field_is_refused_and_told_of(auth, becomes, heard, clock, status):
    await becomes("deployed")
    await becomes(status)
    answer = await refused(auth.device_token("SN-7", SECRET))
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "DEVICE_NOT_DEPLOYED")
    assert f"Device 7 is {status}" in answer.message

    told = events_pb2.CredentialRefused.FromString((await heard.first("auth.credential.refused")).body)
    assert (told.device_id, told.serial_number, told.device_status) == (7, "SN-7", status)
    assert abs(told.refused_at.ToDatetime().timestamp() - clock().replace(tzinfo=None).timestamp()) < 5


async def test_a_stubborn_device_is_told_of_once_a_minute(auth, becomes, heard, clock, rows, lock_waits):
    async with rows.transaction():
        await rows.execute("SELECT 1 FROM t_device_principals FOR UPDATE")
        knocks = asyncio.gather(*(refused(auth.device_token("SN-7", SECRET)) for _ in range(5)))
        await eventually(lambda: lock_waits(5))
    assert {answer.reason for answer in await knocks} == {"DEVICE_NOT_DEPLOYED"}
    first = events_pb2.CredentialRefused.FromString((await heard.next("auth.credential.refused")).body)

    clock.move(seconds=61)
    await refused(auth.device_token("SN-7", SECRET))
    second = events_pb2.CredentialRefused.FromString((await heard.next("auth.credential.refused")).body)
    assert second.refused_at.seconds - first.refused_at.seconds >= 60
    assert heard.empty()


async def test_a_wrong_secret_is_told_of_to_nobody(auth, becomes, rows):
    await refused(auth.device_token("SN-7", "wrong"))
    [row] = await (await rows.execute("SELECT refusal_told_at FROM t_device_principals WHERE device_id = 7")).fetchall()
    assert row[0] is None


async def test_a_recalled_device_gets_a_token_again_when_it_is_deployed_again(auth, becomes):
    for _ in range(2):
        await becomes("deployed")
        await auth.device_token("SN-7", SECRET)
        await becomes("in_stock")
        assert (await refused(auth.device_token("SN-7", SECRET))).reason == "DEVICE_NOT_DEPLOYED"


async def test_a_new_secret_ends_the_old_one(auth, becomes, inventory):
    await becomes("deployed")
    await inventory.credential("the new one", version=9)
    await inventory.heard()
    assert (await auth.device_token("SN-7", "the new one")).device_id == 7
    assert (await refused(auth.device_token("SN-7", SECRET))).reason == "INVALID_CREDENTIALS"


async def test_two_devices_that_share_a_serial_number_for_a_moment_are_told_apart_by_their_secrets(
    auth, becomes, inventory
):
    await becomes("deployed")
    await inventory.credential("of device 8", id=8)
    await inventory.device(id=8)
    await inventory.heard()
    assert (await auth.device_token("SN-7", SECRET)).device_id == 7
    assert (await auth.device_token("SN-7", "of device 8")).device_id == 8


async def test_a_secret_that_is_renewed_while_it_is_used_gives_no_token(auth, becomes, rows, lock_waits):
    await becomes("deployed")
    async with rows.transaction():
        await rows.execute("UPDATE t_device_principals SET secret_sha256 = sha256('another')")
        asked = asyncio.ensure_future(refused(auth.device_token("SN-7", SECRET)))
        await eventually(lambda: lock_waits(1))
    assert (await asked).reason == "INVALID_CREDENTIALS"
