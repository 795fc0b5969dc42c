"""Service accounts: gateways, bridges, and services."""

import asyncio
import hashlib

import pytest

from fieldstock.auth.v1 import events_pb2
from servicekit.errors import Unauthenticated
from servicekit.testing import Refused, eventually, metadata_of, refused


@pytest.mark.parametrize("kind", ["ingest", "service"])
async def test_an_account_gets_a_token_of_its_kind(root, auth, kind):
    made = await root.CreateServiceAccount(name=" Hall 1 ", kind=kind)
    account = made.service_account
    assert (account.id, account.name, account.kind, account.revoked) == (1, "Hall 1", kind, False)
    assert not account.HasField("last_used_at")

    token = await root.IssueServiceToken(name="HALL 1", secret=made.secret)
    caller = await auth.caller(token.access_token)
    assert (caller.principal, caller.name, caller.role) == (f"{kind}:1", "Hall 1", None)
    assert (token.token_type, token.expires_in) == ("Bearer", 3600)
    [listed] = (await root.ListServiceAccounts()).service_accounts
    assert listed.HasField("last_used_at")


async def test_a_secret_is_kept_as_a_hash_alone(root, rows):
    made = await root.CreateServiceAccount(name="Hall 1", kind="ingest")
    [row] = await (await rows.execute("SELECT * FROM t_service_accounts")).fetchall()
    assert made.secret not in str(row)
    assert hashlib.sha256(made.secret.encode()).digest() in row


async def test_a_name_is_taken_whatever_its_case_also_by_one_that_was_revoked(root):
    await root.CreateServiceAccount(name="Hall 1", kind="ingest")
    await root.RevokeServiceAccount(id=1)
    answer = await refused(root.CreateServiceAccount(name="HALL 1", kind="service"))
    assert (answer.code, answer.reason) == ("ALREADY_EXISTS", "SERVICE_ACCOUNT_NAME_TAKEN")


async def test_of_many_who_take_a_name_at_once_one_gets_it(root):
    tries = (root.CreateServiceAccount(name="Hall 1", kind="ingest") for _ in range(8))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert (
        sorted(Refused(answer).reason for answer in answers if isinstance(answer, Exception))
        == ["SERVICE_ACCOUNT_NAME_TAKEN"] * 7
    )


@pytest.mark.parametrize(
    "given, fields",
    [
        ({}, ["kind", "name"]),
        ({"name": "x" * 101, "kind": "ingest"}, ["name"]),
        ({"name": "x\x00", "kind": "device"}, ["kind", "name"]),
        ({"name": "x", "kind": "user"}, ["kind"]),
        ({"name": "x", "kind": "INGEST"}, ["kind"]),
    ],
)
async def test_what_can_be_no_account_is_named_and_not_made(root, given, fields):
    answer = await refused(root.CreateServiceAccount(**given))
    assert (answer.code, answer.reason, answer.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", fields)
    assert not (await root.ListServiceAccounts()).service_accounts


async def test_a_list_has_pages(root):
    for number in range(5):
        await root.CreateServiceAccount(name=f"Hall {number}", kind="ingest")
    first = await root.ListServiceAccounts(page_size=3)
    second = await root.ListServiceAccounts(page_size=3, page_token=first.next_page_token)
    assert [account.id for page in (first, second) for account in page.service_accounts] == [1, 2, 3, 4, 5]
    assert not second.next_page_token
    assert (await refused(root.ListServiceAccounts(page_token="forged"))).reason == "INVALID_PAGE_TOKEN"
    assert (await refused(root.ListServiceAccounts(page_size=-1))).fields == ["page_size"]


async def test_a_revoked_account_and_its_tokens_are_good_no_more(root, auth, heard):
    made = await root.CreateServiceAccount(name="Hall 1", kind="service")
    token = await root.IssueServiceToken(name="Hall 1", secret=made.secret)
    assert (await root.RevokeServiceAccount(id=1)).revoked
    told = events_pb2.PrincipalRevoked.FromString((await heard.next("auth.principal.revoked")).body)
    assert told.principal == "service:1"
    issued_at = (await auth.caller(token.access_token)).issued_at
    assert told.issued_before.ToNanoseconds() / 1e9 > issued_at
    answer = await refused(root.IssueServiceToken(name="Hall 1", secret=made.secret))
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")

    roots, root.metadata = root.metadata, metadata_of(token.access_token)

    async def refuses():
        return (await refused(root.ListServiceAccounts())).reason == "UNAUTHENTICATED"

    await eventually(refuses)
    root.metadata = roots
    # Once is enough: nothing new is told.
    assert (await root.RevokeServiceAccount(id=1)).revoked
    assert (await root.CreateServiceAccount(name="Hall 2", kind="service")).service_account.id
    assert heard.empty()


async def test_a_token_that_is_asked_for_while_its_account_is_revoked_is_not_given(root, rows, lock_waits):
    made = await root.CreateServiceAccount(name="Hall 1", kind="service")
    async with rows.transaction():
        await rows.execute("UPDATE t_service_accounts SET revoked_at = now()")
        asked = asyncio.ensure_future(refused(root.IssueServiceToken(name="Hall 1", secret=made.secret)))
        await eventually(lambda: lock_waits(1))
    assert (await asked).reason == "INVALID_CREDENTIALS"


@pytest.mark.parametrize("id", [0, -1, 99])
async def test_an_account_that_is_not_there_is_not_found(root, id):
    answer = await refused(root.RevokeServiceAccount(id=id))
    assert (answer.code, answer.reason) == ("NOT_FOUND", "SERVICE_ACCOUNT_NOT_FOUND")


@pytest.mark.parametrize(
    "name, secret", [("Hall 1", "wrong"), ("Hall 2", "wrong"), ("hall 1", "é"), ("Hall 1", "x" * 256)]
)
async def test_another_secret_and_another_name_are_refused_alike(root, name, secret):
    await root.CreateServiceAccount(name="Hall 1", kind="ingest")
    answer = await refused(root.IssueServiceToken(name=name, secret=secret))
    assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")


@pytest.mark.parametrize(
    "name, secret, fields",
    [("", "", ["name", "secret"]), ("x" * 101, "s", ["name"]), ("x", "s" * 257, ["secret"]), ("x\x00", "s", ["name"])],
)
async def test_what_can_be_no_name_and_no_secret_is_named(root, name, secret, fields):
    answer = await refused(root.IssueServiceToken(name=name, secret=secret))
    assert (answer.code, answer.reason, answer.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", fields)


async def test_a_service_token_expires_when_it_said(root, auth, clock):
    made = await root.CreateServiceAccount(name="Hall 1", kind="ingest")
    token = await root.IssueServiceToken(name="Hall 1", secret=made.secret)
    clock.move(seconds=token.expires_in)
    with pytest.raises(Unauthenticated, match="expired"):
        await auth.caller(token.access_token)
