"""Bad input through Envoy: the documented status and a reason, nothing changed, nobody else blocked."""

import asyncio
import time

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from servicekit.testing import Issuer, eventually


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


@pytest.mark.parametrize("id", ["abc", "1.5", "99999999999", "%20", "1%2F2", "-"])
async def test_an_id_that_is_no_number_is_refused(admin, id):
    assert (await admin.refused("GET", f"/devices/{id}")).status == 400


@pytest.mark.parametrize("id", [-1, 0, 2_000_000_000])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/devices/{id}", None),
        ("PUT", "/devices/{id}/deploy", {"location": "Factory A"}),
        ("PUT", "/devices/{id}/recall", {"location": "Warehouse B"}),
        ("DELETE", "/devices/{id}", None),
        ("GET", "/devices/{id}/logs", None),
        ("GET", "/monitoring/data/{id}", None),
        ("GET", "/monitoring/devices/{id}", None),
    ],
)
async def test_an_id_that_does_not_exist_is_not_found(admin, method, path, body, id):
    no = await admin.refused(method, path.format(id=id), body)
    assert (no.status, no.code) == (404, 5)
    assert no.reason in {"DEVICE_NOT_FOUND", "UNKNOWN_DEVICE"}


@pytest.mark.parametrize(
    "body",
    [
        {"name": 5, "type": "sensor", "serial_number": "S"},
        {"name": "a", "type": ["sensor"], "serial_number": "S"},
        {"name": "a", "type": "sensor", "serial_number": {"a": 1}},
        {"name": "a", "type": "sensor", "serial_number": "S", "specs": "text"},
    ],
)
async def test_a_field_of_the_wrong_type_is_refused(admin, body):
    assert (await admin.refused("POST", "/devices/", body)).status == 400


async def test_missing_and_overlong_fields_are_named(admin):
    no = await admin.refused("POST", "/devices/", {})
    assert (no.status, no.reason, no.fields) == (400, "INVALID_FIELD", ["name", "serial_number", "type"])
    no = await admin.refused("POST", "/devices/", {"name": "n" * 101, "type": "t" * 51, "serial_number": "s" * 101})
    assert (no.status, no.reason, no.fields) == (400, "INVALID_FIELD", ["name", "serial_number", "type"])


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


@pytest.mark.parametrize(
    "metrics",
    [
        {"temperature": "NaN"},
        {"temperature": "Infinity"},
        {"temperature": "-Infinity"},
        {},
        {"Temperature!": 1},
        {"x" * 65: 1},
        {f"m{n}": n for n in range(65)},
    ],
)
async def test_a_reading_that_cannot_be_stored_is_refused(admin, ready, metrics):
    no = await admin.refused("POST", "/monitoring/data", {"device_id": ready.id, "metrics": metrics})
    assert (no.status, no.code, no.reason) == (400, 3, "INVALID_FIELD")
    assert (await admin("GET", f"/monitoring/data/{ready.id}"))["readings"] == []


@pytest.mark.parametrize("value", ["warm", True, None, [1], {"a": 1}])
async def test_a_metric_that_is_no_number_is_refused(admin, ready, value):
    no = await admin.refused("POST", "/monitoring/data", {"device_id": ready.id, "metrics": {"temperature": value}})
    assert no.status == 400
    assert (await admin("GET", f"/monitoring/data/{ready.id}"))["readings"] == []


@pytest.mark.parametrize(
    ("time", "reason"),
    [("2999-01-01T00:00:00Z", "TIME_IN_FUTURE"), ("1999-01-01T00:00:00Z", "TIME_TOO_OLD")],
)
async def test_a_time_out_of_bounds_is_refused(admin, ready, time, reason):
    body = {"device_id": ready.id, "metrics": {"temperature": 1}, "time": time}
    no = await admin.refused("POST", "/monitoring/data", body)
    assert (no.status, no.reason) == (400, reason)


@pytest.mark.parametrize("id", [-1, 0, 2_000_000_000])
async def test_a_reading_of_an_unknown_device_is_refused(admin, id):
    no = await admin.refused("POST", "/monitoring/data", {"device_id": id, "metrics": {"temperature": 1}})
    assert (no.status, no.reason) == (404, "UNKNOWN_DEVICE")


async def test_a_reading_of_a_device_in_stock_is_refused(admin, stocked):
    async def known():
        no = await admin.refused("POST", "/monitoring/data", {"device_id": stocked.id, "metrics": {"temperature": 1}})
        return no if no.reason != "UNKNOWN_DEVICE" else None

    no = await eventually(known)
    assert (no.status, no.code, no.reason) == (400, 9, "DEVICE_NOT_DEPLOYED")


# --- streams: rows that can never be stored are counted and passed over


async def test_bad_rows_of_a_stream_are_passed_over_and_good_ones_stored(ready, speak, admin):
    good = speak(1, {"temperature": 21.5})
    uneven = speak(2, {"temperature": 1.0, "cpu": 2.0})
    uneven.series[1].values.append(3.0)
    other = speak(3, {"temperature": 1.0}, device_id=[ready.id + 1])
    empty = speak(4, {"temperature": 1.0})
    empty.ClearField("series")
    empty.ClearField("time_ms")
    wide = speak(5, {f"m{n}": 1.0 for n in range(65)})
    infinite = speak(6, {"temperature": float("inf")})
    late = speak(7, {"temperature": 1.0}, time_ms=1_000_000)
    minus = speak(8, {"temperature": 1.0}, device_id=[-1])
    huge = speak(9, {"temperature": 1.0}, device_id=[2_000_000_000])
    last = speak(10, {"temperature": 22.5}, time_ms=int(time.time() * 1000))

    stream = ready.stream(await ready.token())
    for message in (good, uneven, other, empty, wide, infinite, late, minus, huge, last):
        await stream.write(message)
    await stream.done_writing()
    summary = await stream
    assert (summary.committed_sequence, summary.accepted_rows) == (10, 2)
    reasons = {rejection.reason: rejection.rows for rejection in summary.rejections}
    assert reasons["NOT_OWN_DEVICE"] == 3
    assert reasons["TIME_TOO_OLD"] == reasons["INVALID_VALUE"] == 1
    assert reasons["INVALID_BATCH"] >= 2
    page = await admin("GET", f"/monitoring/data/{ready.id}")
    assert [reading["metrics"] for reading in page["readings"]] == [{"temperature": 22.5}, {"temperature": 21.5}]


async def test_a_stream_without_a_good_token_is_turned_away(ready, stack):
    for token in ("", "x.y.z", Issuer().token(), _expired(await ready.token())):
        stream = ready.stream(token)
        assert await stream.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_a_stream_of_one_device_does_not_disturb_anothers(ready, admin, door, speak, make_ready):
    other = await make_ready()
    good, bad = other.stream(await other.token()), ready.stream(await ready.token())
    await bad.write(speak(1, {"temperature": 1.0}, device_id=[other.id]))
    await good.write(speak(1, {"temperature": 5.0}))
    for stream in (good, bad):
        await stream.done_writing()
    assert (await bad).rejected_rows == 1
    assert (await good).accepted_rows == 1
    page = await admin("GET", f"/monitoring/data/{other.id}")
    assert [reading["metrics"] for reading in page["readings"]] == [{"temperature": 5.0}]


async def test_nothing_that_a_device_sends_ends_the_streams_of_others(ready, speak, make_ready):
    # Told back whole, they would be longer than the headers that Envoy takes: it ends the connection that all share.
    long_name = speak(1, {"X" * 1_000_000: 1.0})
    long_source = speak(1, {"temperature": 1.0}, source_id="s" * 1_000_000)
    many_series = type(long_name).FromString(b"\x08\x01" + b"\x22\x00" * 1_000_000)

    other = await make_ready()
    good = other.stream(await other.token())
    await good.write(speak(1, {"temperature": 5.0}))
    for message in (long_name, many_series):
        bad = ready.stream(await ready.token())
        await bad.write(message)
        await bad.done_writing()
        assert (await bad).rejected_rows == len(message.time_ms)
    bad = ready.stream(await ready.token())
    await bad.write(long_source)
    assert await bad.code() == grpc.StatusCode.INVALID_ARGUMENT
    await good.write(speak(2, {"temperature": 6.0}, time_ms=int(time.time() * 1000)))
    await good.done_writing()
    assert (await good).accepted_rows == 2


def _expired(token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    claims["exp"] = int(time.time()) - 60
    return jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers=jwt.get_unverified_header(token))


# --- tokens over REST


async def test_a_missing_forged_or_misplaced_token_is_refused(anyone, admin):
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[::-1]}"
    for headers in ({}, {"authorization": f"Bearer {forged}"}, {"authorization": "Bearer x"}, {"authorization": token}):
        no = await anyone.refused("GET", "/devices/1", headers=headers)
        assert (no.status, no.code, no.reason) == (401, 16, "UNAUTHENTICATED")
    assert (await anyone.refused("GET", f"/devices/1?access_token={token}")).status == 401
    assert (
        await anyone.refused("GET", "/devices/1", headers={"authorization": f"Bearer {_expired(token)}"})
    ).status == 401


async def test_a_wrong_password_and_an_unknown_user_are_told_alike(anyone):
    refusals = [
        await anyone.refused("POST", "/auth/login", {"username": name, "password": "wrong"})
        for name in ("admin", "nobody")
    ]
    assert {(no.status, no.reason, no.message) for no in refusals} == {
        (401, "INVALID_CREDENTIALS", refusals[0].message)
    }


# --- concurrency


async def test_of_two_deploys_at_once_one_wins(admin, stocked):
    async def deploy(place):
        return await admin.http.put(f"/devices/{stocked.id}/deploy", json={"location": place})

    answers = await asyncio.gather(deploy("Factory A"), deploy("Factory B"))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    loser = next(answer for answer in answers if answer.status_code == 400)
    assert loser.json()["details"][0]["reason"] == "INVALID_TRANSITION"
    logs = (await admin("GET", f"/devices/{stocked.id}/logs"))["logs"]
    assert [log["action"] for log in logs] == ["deployed", "registered"]


async def test_a_retired_device_is_not_deployed(admin, stocked):
    await admin("DELETE", f"/devices/{stocked.id}")
    no = await admin.refused("PUT", f"/devices/{stocked.id}/deploy", {"location": "Factory A"})
    assert (no.status, no.code, no.reason) == (400, 9, "INVALID_TRANSITION")
    assert (await admin("GET", f"/devices/{stocked.id}"))["version"] == 2


async def test_a_status_or_a_version_that_does_not_fit_is_refused(admin, stocked):
    deploy = f"/devices/{stocked.id}/deploy"
    assert (await admin.refused("PUT", deploy, {"location": "F", "status": "in_stock"})).fields == ["status"]
    no = await admin.refused("PUT", deploy, {"location": "F", "version": 9})
    assert (no.status, no.code, no.reason) == (409, 10, "STALE_VERSION")
    assert (await admin.refused("PUT", deploy, {"location": "F", "version": -1})).fields == ["version"]
    assert (await admin.refused("PUT", deploy, {})).fields == ["location"]
    assert (await admin("GET", f"/devices/{stocked.id}"))["status"] == "in_stock"


# --- rules


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "sorcery"}, "kind"),
        ({"severity": "terrible"}, "severity"),
        ({"name": ""}, "name"),
        ({"threshold": {"metric": "Temp!", "direction": "above", "limit": 1}}, "threshold.metric"),
        ({"threshold": {"metric": "temperature", "direction": "sideways", "limit": 1}}, "threshold.direction"),
        ({"threshold": {"metric": "temperature", "direction": "above", "limit": "NaN"}}, "threshold.limit"),
        (
            {"threshold": {"metric": "temperature", "direction": "above", "limit": 1, "clear_limit": 2}},
            "threshold.clear_limit",
        ),
        ({"threshold": None}, "threshold.metric"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(admin, change, field):
    rule = {
        "name": "Too hot",
        "kind": "threshold",
        "severity": "warning",
        "threshold": {"metric": "temperature", "direction": "above", "limit": 85},
    }
    no = await admin.refused("POST", "/monitoring/rules", {**rule, **change})
    assert (no.status, no.reason) == (400, "INVALID_FIELD")
    assert field in no.fields
