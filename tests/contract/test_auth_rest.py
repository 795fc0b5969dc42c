"""Signing in, users and service accounts, as curl speaks to them through Envoy."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest

from servicekit.testing import eventually

PASSWORD = "correct horse battery staple"


@pytest.fixture
async def vera(admin):
    """A user who was just made."""
    return await admin("POST", "/users/", {"username": f"vera-{uuid4().hex}", "password": PASSWORD, "role": "viewer"})


@pytest.fixture
async def bearer(stack, anyone):
    """REST with a token."""
    async with AsyncExitStack() as clients:

        async def make(token):
            headers = {"authorization": f"Bearer {token}"}
            http = httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=30)
            return type(anyone)(await clients.enter_async_context(http))

        yield make


async def sign_in(anyone, user, password=PASSWORD):
    return await anyone("POST", "/auth/login", {"username": user["username"], "password": password})


async def test_a_session_begins_goes_on_and_ends(anyone, vera):
    pair = await sign_in(anyone, vera)
    assert pair.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
    renewed = await anyone("POST", "/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert await anyone("POST", "/auth/logout/", {"refresh_token": renewed["refresh_token"]}) == {}
    no = await anyone.refused("POST", "/auth/refresh", {"refresh_token": renewed["refresh_token"]})
    assert (no.status, no.reason) == (401, "INVALID_REFRESH_TOKEN")


async def test_a_user_is_made_read_changed_and_deactivated(admin, vera):
    path = f"/users/{vera['id']}"
    assert vera.keys() == {"id", "username", "role", "active", "version", "created_at", "updated_at"}
    assert (vera["role"], vera["active"], vera["version"]) == ("viewer", True, 1)
    assert await admin("GET", path) == vera
    assert vera in (await admin("GET", "/users/?active=true&page_size=500"))["users"]

    changed = await admin("PUT", path, {"role": "operator", "version": 1})
    assert (changed["username"], changed["role"], changed["version"]) == (vera["username"], "operator", 2)
    gone = await admin("DELETE", f"{path}?version=2")
    assert (gone["active"], gone["version"]) == (False, 3)
    assert gone in (await admin("GET", "/users?active=false&page_size=500"))["users"]
    assert (await admin("PUT", path, {"active": True}))["active"] is True


async def test_users_come_in_pages(admin, vera):
    first = await admin("GET", "/users/?page_size=1")
    assert [user["id"] for user in first["users"]] == [1]
    second = await admin("GET", "/users/", params={"page_size": 1, "page_token": first["next_page_token"]})
    assert second["users"][0]["id"] > 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("POST", "/users/", {"username": "admin", "password": PASSWORD, "role": "viewer"}, 409, "USERNAME_TAKEN"),
        ("POST", "/users/", {"username": "v", "password": "short", "role": "viewer"}, 400, "INVALID_FIELD"),
        ("POST", "/users/", {"username": 5, "password": [], "role": {}}, 400, "INVALID_REQUEST"),
        ("POST", "/users/", {}, 400, "INVALID_FIELD"),
        ("GET", "/users/2000000000", None, 404, "USER_NOT_FOUND"),
        ("GET", "/users/abc", None, 400, "INVALID_REQUEST"),
        ("GET", "/users/?active=perhaps", None, 400, "INVALID_REQUEST"),
        ("GET", "/users/?page_size=-1", None, 400, "INVALID_FIELD"),
        ("GET", "/users/?page_token=forged", None, 400, "INVALID_PAGE_TOKEN"),
        ("PUT", "/users/1", {}, 400, "READ_ONLY_FIELD"),
        ("PUT", "/users/1", {"created_at": "2026-01-01T00:00:00Z"}, 400, "READ_ONLY_FIELD"),
        ("PUT", "/users/1", {"username": ""}, 400, "INVALID_FIELD"),
        ("PUT", "/users/1", {"active": True, "version": 1000}, 409, "STALE_VERSION"),
        ("PUT", "/users/1", {"role": "viewer"}, 400, "LAST_ADMIN"),
        ("DELETE", "/users/1", None, 400, "LAST_ADMIN"),
        ("DELETE", "/users/2000000000", None, 404, "USER_NOT_FOUND"),
        ("PUT", "/auth/me/password", {"current_password": "w", "new_password": PASSWORD}, 401, "INVALID_CREDENTIALS"),
        ("PUT", "/auth/me/password", {"current_password": "w"}, 400, "INVALID_FIELD"),
        ("POST", "/auth/service-accounts", {"name": "", "kind": "device"}, 400, "INVALID_FIELD"),
        ("POST", "/auth/service-accounts", {"name": "x", "kind": "device"}, 400, "INVALID_FIELD"),
        ("DELETE", "/auth/service-accounts/2000000000", None, 404, "SERVICE_ACCOUNT_NOT_FOUND"),
        ("POST", "/auth/service-token", {"name": "nobody", "secret": "x"}, 401, "INVALID_CREDENTIALS"),
        ("POST", "/auth/service-token", {}, 400, "INVALID_FIELD"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_reason(admin, method, path, body, status, reason):
    no = await admin.refused(method, path, body)
    assert (no.status, no.reason) == (status, reason)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/"),
        ("POST", "/users/"),
        ("GET", "/users/1"),
        ("PUT", "/users/1"),
        ("DELETE", "/users/1"),
        ("GET", "/auth/service-accounts"),
        ("POST", "/auth/service-accounts"),
        ("DELETE", "/auth/service-accounts/1"),
    ],
)
async def test_a_viewer_manages_nobody_and_who_has_no_token_still_less(anyone, vera, bearer, method, path):
    body = {"username": "x", "name": "x", "kind": "ingest", "role": "admin", "password": PASSWORD}
    given = body if method in {"POST", "PUT"} else None
    assert (await anyone.refused(method, path, given)).status == 401
    viewer = await bearer((await sign_in(anyone, vera))["access_token"])
    no = await viewer.refused(method, path, given)
    assert (no.status, no.reason) == (403, "PERMISSION_DENIED")


async def test_a_user_sees_themselves_and_changes_their_password(anyone, vera, bearer):
    mine, other = await sign_in(anyone, vera), await sign_in(anyone, vera)
    me = await bearer(mine["access_token"])
    assert await me("GET", "/auth/me") == vera
    new = "another correct battery"
    assert await me("PUT", "/auth/me/password", {"current_password": PASSWORD, "new_password": new}) == {}
    assert (await anyone.refused("POST", "/auth/refresh", {"refresh_token": other["refresh_token"]})).status == 401
    assert await anyone("POST", "/auth/refresh", {"refresh_token": mine["refresh_token"]})
    assert (await sign_in(anyone, vera, new))["access_token"]


async def test_a_deactivated_users_token_is_refused_by_every_service(admin, anyone, vera, bearer):
    me = await bearer((await sign_in(anyone, vera))["access_token"])
    paths = ["/auth/me", "/devices/", "/monitoring/alerts"]
    for path in paths:
        await me("GET", path)
    await admin("DELETE", f"/users/{vera['id']}")
    for path in paths:

        async def refused(path=path):
            return (await me.http.get(path)).status_code == httpx.codes.UNAUTHORIZED

        await eventually(refused)
    no = await anyone.refused("POST", "/auth/login", {"username": vera["username"], "password": PASSWORD})
    assert (no.status, no.reason) == (401, "INVALID_CREDENTIALS")


async def test_a_service_account_is_made_gets_a_token_and_is_revoked(admin, anyone):
    name = f"Hall {uuid4().hex}"
    made = await admin("POST", "/auth/service-accounts", {"name": name, "kind": "ingest"})
    account, secret = made["service_account"], made["secret"]
    assert (account["name"], account["kind"], account["revoked"]) == (name, "ingest", False)
    assert "last_used_at" not in account
    token = await anyone("POST", "/auth/service-token", {"name": name.upper(), "secret": secret})
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    listed = (await admin("GET", "/auth/service-accounts/?page_size=500"))["service_accounts"]
    assert any(each["id"] == account["id"] and each["last_used_at"] for each in listed)
    assert "secret" not in str(listed)
    taken = await admin.refused("POST", "/auth/service-accounts", {"name": name.upper(), "kind": "service"})
    assert (taken.status, taken.reason) == (409, "SERVICE_ACCOUNT_NAME_TAKEN")

    assert (await admin("DELETE", f"/auth/service-accounts/{account['id']}"))["revoked"] is True
    assert (await admin("DELETE", f"/auth/service-accounts/{account['id']}"))["revoked"] is True
    no = await anyone.refused("POST", "/auth/service-token", {"name": name, "secret": secret})
    assert (no.status, no.reason) == (401, "INVALID_CREDENTIALS")


async def test_a_wrong_password_and_an_unknown_user_are_told_alike(anyone):
    refusals = [
        await anyone.refused("POST", "/auth/login", {"username": name, "password": "wrong"})
        for name in ("admin", "nobody")
    ]
    assert {(no.status, no.reason, no.message) for no in refusals} == {
        (401, "INVALID_CREDENTIALS", refusals[0].message)
    }


async def test_who_guesses_a_password_has_to_wait(anyone, vera):
    given = {"username": vera["username"], "password": "wrong"}
    for _ in range(5):
        assert (await anyone.refused("POST", "/auth/login", given)).reason == "INVALID_CREDENTIALS"
    no = await anyone.refused("POST", "/auth/login", given)
    assert (no.status, no.code, no.reason) == (429, 8, "TOO_MANY_LOGINS")


async def test_an_address_that_signs_in_without_end_is_refused_and_no_other(stack, anyone, vera):
    """By a network of one machine: every address in 127.0.0.0/8 is a client of its own."""

    async def login(path="/auth/login", **headers):
        # No JSON: a try is counted before anybody reads it.
        response = await http.post(path, content=b"{", headers=headers)
        return response if response.status_code == httpx.codes.TOO_MANY_REQUESTS else None

    async def flood(*path, **headers):
        # Few enough to pass where nobody has been before; more than come to hand anew meanwhile.
        return next(filter(None, await asyncio.gather(*(login(*path, **headers) for _ in range(100)))), None)

    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.9")
    async with httpx.AsyncClient(base_url=stack.base_url, transport=transport, timeout=30) as http:
        said = (await eventually(flood, within=60)).json()
        assert (said["code"], said["details"][0]["reason"]) == (8, "TOO_MANY_REQUESTS")
        # Neither another spelling of the path, nor a header that names another client, is a way around.
        assert await flood("/auth/login/")
        assert await flood("/auth//./login")
        assert await flood(**{"x-forwarded-for": "127.0.0.10"})
        assert (await http.get("/.well-known/jwks.json")).is_success
    assert await sign_in(anyone, vera)
