"""Requests that are no such thing, through Envoy: the documented status and a reason, nobody else blocked."""

import httpx
import pytest


async def test_bad_json_is_refused(admin):
    for content in (b"{bad", b"[1, 2]", b'"text"', b"\xff\xfe", b'{"name": "a"'):
        response = await admin.http.post("/devices/", content=content)
        assert response.status_code == 400
        assert response.json()["code"] == 3
        assert response.json()["details"][0]["reason"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "path", ["/devices/?stat=deployed", "/devices/1?verbose=true", "/monitoring/alerts?severty=critical"]
)
async def test_an_unknown_query_parameter_is_refused(admin, path):
    assert (await admin.refused("GET", path)).status == 400


@pytest.mark.parametrize("path", ["/nope", "/devices/1/explode", "/monitoring", "/auth", "/devices/in_stock/1"])
async def test_an_unknown_path_is_not_found(admin, path):
    no = await admin.refused("GET", path)
    assert (no.status, no.reason) == (404, "NO_SUCH_ENDPOINT")


async def test_what_looks_like_grpc_and_is_not_is_refused_as_json(anyone):
    path = "/fieldstock.auth.v1.SessionService/Login"
    no = await anyone.refused("POST", path, headers={"content-type": "application/grpc-web"})
    assert (no.status, no.reason) == (404, "NO_SUCH_ENDPOINT")


async def test_a_long_id_is_not_told_back_whole(admin):
    no = await admin.refused("GET", f"/monitoring/rules/{'r' * 8_000}")
    assert no.status == 404
    assert len(no.message) < 1_000


async def test_a_body_of_100_mb_is_refused_and_the_next_request_is_served(admin):
    async def endless():
        yield b'{"name": "'
        for _ in range(100):
            yield b"x" * 1_000_000

    for content in (endless(), b'{"name": "' + b"x" * 3_000_000 + b'"}'):
        try:
            response = await admin.http.post("/devices/", content=content)
        except httpx.TransportError:  # refused, and closed, while it was still being sent
            continue
        assert response.status_code == 413
        assert response.json()["details"][0]["reason"] == "BODY_TOO_LARGE"
    await admin("GET", "/devices/")
