"""What cannot be said of a device, or done to it, through Envoy: refused with its reason, nothing changed."""

import asyncio

import pytest


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
