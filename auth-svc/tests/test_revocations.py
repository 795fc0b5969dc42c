"""What others are told of tokens that are good no more."""

import asyncio

import pytest
from grpc.aio import AioRpcError

from auth_svc.app import running
from auth_svc.repository import SWEPT_AT_ONCE
from fieldstock.auth.v1 import events_pb2
from servicekit.access import LONGEST_TOKEN_SECONDS
from servicekit.testing import eventually, metadata_of, refused

SECRET = "the device's secret"


async def revocations(auth, **fields):
    return await auth.ListRevocations(**fields)


async def is_refused(call):
    try:
        await call
    except AioRpcError as error:
        return "revoked" in str(error.details())
    return False


@pytest.fixture
async def device(auth, inventory):
    await inventory.credential(SECRET)
    await inventory.device(version=2)
    await inventory.heard()


async def test_a_retired_devices_tokens_are_revoked(auth, device, inventory, heard):
    issued_at = (await auth.caller((await auth.device_token("SN-7", SECRET)).access_token)).issued_at
    await inventory.device(status="retired", version=3)
    told = events_pb2.PrincipalRevoked.FromString((await heard.next("auth.principal.revoked")).body)
    assert told.principal == "device:7"
    assert told.issued_before.ToNanoseconds() / 1e9 > issued_at
    assert list((await revocations(auth)).revocations) == [told]


async def test_the_tokens_of_a_secret_that_was_renewed_are_revoked(auth, device, inventory, heard):
    await inventory.credential("the new one", version=3)
    told = events_pb2.PrincipalRevoked.FromString((await heard.next("auth.principal.revoked")).body)
    assert told.principal == "device:7"
    # What is told again, and what is older, revokes nothing.
    await inventory.credential("the new one", version=3)
    await inventory.credential(SECRET, version=1)
    await inventory.heard()
    assert list((await revocations(auth)).revocations) == [told]


async def test_a_token_is_as_old_as_the_moment_in_which_the_secret_was_found_good(
    auth, device, rows, lock_waits, clock
):
    """Not as that in which it was asked for: one of a new secret would be revoked with those of the old one."""
    async with rows.transaction():
        await rows.execute("SELECT * FROM t_device_principals WHERE device_id = 7 FOR UPDATE")
        asked = asyncio.create_task(auth.device_token("SN-7", SECRET))
        await eventually(lambda: lock_waits(1))
        found_good = clock()
    assert (await auth.caller((await asked).access_token)).issued_at >= found_good.timestamp()


async def test_a_first_secret_and_a_recall_revoke_nothing(auth, device, inventory):
    await inventory.device(status="in_stock", version=3)
    await inventory.heard()
    assert not (await revocations(auth)).revocations


async def test_revocations_come_in_pages_and_no_longer_than_they_matter(auth, rows, clock):
    insert = "INSERT INTO t_revocations (principal, issued_before) VALUES (%s, now())"
    for number in range(5):
        await rows.execute(insert, [f"device:{number}"])
    first = await revocations(auth, page_size=3)
    second = await revocations(auth, page_size=3, page_token=first.next_page_token)
    told = [revoked.principal for page in (first, second) for revoked in page.revocations]
    assert told == [f"device:{number}" for number in range(5)]
    assert not second.next_page_token
    assert (await refused(revocations(auth, page_token="forged"))).reason == "INVALID_PAGE_TOKEN"
    clock.move(seconds=LONGEST_TOKEN_SECONDS + 1)
    assert not (await revocations(auth)).revocations


async def test_revocations_that_are_over_are_swept_by_those_that_come(auth, device, inventory, rows):
    await rows.execute(
        "INSERT INTO t_revocations SELECT 'user:' || n, now() - interval '2 days' FROM generate_series(1, %s) AS n",
        [SWEPT_AT_ONCE],
    )
    await inventory.device(status="retired", version=3)
    await inventory.heard()
    assert await (await rows.execute("SELECT principal FROM t_revocations")).fetchall() == [("device:7",)]


async def test_a_replica_that_starts_knows_what_was_revoked_before(settings, admin, clock, auth_at, rows):
    async with running(settings, clock) as server, auth_at(server.port) as auth:
        token = (await auth.login()).access_token
    await rows.execute("INSERT INTO t_revocations VALUES ('user:1', now() + interval '1 second')")
    async with running(settings, clock) as server, auth_at(server.port) as auth:
        auth.metadata = metadata_of(token)
        await eventually(lambda: is_refused(auth.GetMe()))


async def test_events_that_nobody_listens_to_do_not_pile_up(auth, device, inventory, rows):
    await inventory.device(status="retired", version=3)
    await inventory.heard()

    async def gone():
        return await (await rows.execute("SELECT count(*) FROM t_outbox")).fetchone() == (0,)

    await eventually(gone)
