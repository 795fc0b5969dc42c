"""Who gets past Envoy, and what it tells those who do not."""

import time
from uuid import uuid4

import grpc
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fieldstock.inventory.v1 import device_service_pb2, device_service_pb2_grpc
from servicekit.testing import eventually

PASSWORD = "correct horse battery staple"


@pytest.fixture
def signed(stack, admin):
    """Makes a token with a true signature, of the admin's claims as they are changed; None takes one away."""
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    head, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    with psycopg.connect(stack.environment("auth")["FIELDSTOCK_POSTGRES_URL"]) as auth:
        query = "SELECT private_key FROM t_signing_keys WHERE kid = %s"
        (private,) = auth.execute(query, [head["kid"]]).fetchone()

    def sign(**changes):
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(changed, Ed25519PrivateKey.from_private_bytes(private), "EdDSA", headers=head)

    return sign


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_case_of_the_scheme_is_no_matter(anyone, signed, scheme):
    await anyone("GET", "/auth/me", headers={"authorization": f"{scheme} {signed()}"})


@pytest.mark.parametrize("scheme", ["Basic", "Bearer:", "Token"])
async def test_another_scheme_is_refused(anyone, signed, scheme):
    no = await anyone.refused("GET", "/auth/me", headers={"authorization": f"{scheme} {signed()}"})
    assert (no.status, no.reason) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"exp": "tomorrow"},
        {"aud": "somebody else"},
        {"aud": None},
        {"iss": "somebody else"},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
async def test_a_token_of_ours_that_does_not_say_what_it_must_is_refused(anyone, door, signed, changes):
    headers = {"authorization": f"Bearer {signed(**changes)}"}
    no = await anyone.refused("GET", "/devices/", headers=headers)
    assert (no.status, no.code, no.reason) == (401, 16, "UNAUTHENTICATED")
    assert no.message
    devices = device_service_pb2_grpc.DeviceServiceStub(door)
    answer = devices.ListDevices(device_service_pb2.ListDevicesRequest(), metadata=tuple(headers.items()))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await answer
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_missing_or_forged_token_is_refused(anyone, admin):
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[::-1]}"
    for headers in ({}, {"authorization": f"Bearer {forged}"}, {"authorization": "Bearer x"}, {"authorization": token}):
        no = await anyone.refused("GET", "/devices/1", headers=headers)
        assert (no.status, no.code, no.reason) == (401, 16, "UNAUTHENTICATED")


async def test_a_token_in_the_query_is_no_token(anyone, signed):
    for name in ("access_token", "token", "jwt"):
        no = await anyone.refused("GET", "/devices/", params={name: signed()})
        assert (no.status, no.reason) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "header", ["x-jwt-payload", "x-jwt-claim-role", "x-forwarded-user", "x-user-id", "x-envoy-original-path"]
)
async def test_a_header_that_claims_to_be_somebody_is_not_believed(admin, anyone, header):
    user = {"username": f"vera-{uuid4().hex[:8]}", "password": PASSWORD}
    made = await admin("POST", "/users/", {**user, "role": "viewer"})
    token = (await anyone("POST", "/auth/login", user))["access_token"]
    claims = '{"sub": "user:1", "role": "admin", "aud": "fieldstock", "iss": "fieldstock"}'
    claim = {header: claims}
    no = await anyone.refused("GET", "/users/", headers=claim)
    assert (no.status, no.reason) == (401, "UNAUTHENTICATED")
    mine = {"authorization": f"Bearer {token}"}
    assert (await anyone.refused("GET", "/users/", headers={**claim, **mine})).reason == "PERMISSION_DENIED"
    assert (await anyone("GET", "/auth/me", headers={**claim, **mine}))["id"] == made["id"]


async def test_known_keys_are_good_while_auth_is_away(stack, admin, anyone):
    for path in ("/devices/", "/monitoring/devices"):
        await admin("GET", path)
    stack.stop("auth")
    try:
        assert (await admin.http.get("/devices/")).is_success
        assert (await admin.http.get("/monitoring/devices")).is_success
        no = await anyone.refused("POST", "/auth/login", {"username": "admin", "password": PASSWORD})
        assert (no.status, no.code, no.reason) == (503, 14, "UNAVAILABLE")
        assert (await anyone.refused("GET", "/.well-known/jwks.json")).reason == "UNAVAILABLE"
    finally:
        stack.start("auth")
        given = {"username": stack.admin_username, "password": stack.admin_password}

        async def back() -> bool:
            return (await anyone.http.post("/auth/login", json=given)).is_success

        # Envoy finds out by its next check: those that come after this test need it as well.
        await eventually(back, within=30)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:8080"])
async def test_a_page_of_another_origin_is_told_nothing(admin, anyone, origin):
    asks = {"origin": origin, "access-control-request-method": "PUT", "access-control-request-headers": "authorization"}
    responses = [
        await admin.http.get("/devices/", headers={"origin": origin}),
        await anyone.http.post("/auth/login", json={}, headers={"origin": origin}),
        await anyone.http.options("/devices/", headers=asks),
        await anyone.http.options("/auth/login", headers=asks),
    ]
    for response in responses:
        assert [name for name in response.headers if name.startswith("access-control-")] == []
    assert all(response.status_code in {401, 404} for response in responses[2:])
