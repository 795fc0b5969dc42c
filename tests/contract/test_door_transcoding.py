"""What Envoy makes of REST on its way to gRPC, and of the answer: each way in which it could surprise somebody."""

import asyncio
import time
from uuid import uuid4

import grpc
import httpx
import psycopg
import pytest

from fieldstock.inventory.v1 import device_service_pb2, device_service_pb2_grpc
from servicekit.testing import eventually


@pytest.fixture
async def id(admin):
    device, _ = await admin.new_device()
    return device["id"]


@pytest.fixture
def inventory(stack):
    with psycopg.connect(stack.environment("inventory")["FIELDSTOCK_POSTGRES_URL"]) as connection:
        yield connection


async def test_the_list_is_at_both_spellings_of_its_path(admin, id):
    query = {"order_by": "-id", "page_size": 1}
    assert await admin("GET", "/devices/", params=query) == await admin("GET", "/devices", params=query)


async def test_in_stock_is_a_list_and_no_device_of_that_name(admin, id):
    page = await admin("GET", "/devices/in_stock", params={"order_by": "-id", "page_size": 1})
    assert [device["id"] for device in page["devices"]] == [id]
    assert (await admin.refused("GET", "/devices/in_transit")).reason == "INVALID_REQUEST"


async def test_path_and_body_of_a_change_are_one_request(admin, id):
    assert (await admin("PUT", f"/devices/{id}", {"name": "Press 4"}))["id"] == id
    other, _ = await admin.new_device()
    no = await admin.refused("PUT", f"/devices/{id}", {"id": other["id"], "name": "Press 5"})
    assert (no.status, no.reason) == (400, "INVALID_REQUEST")
    assert (await admin("GET", f"/devices/{other['id']}"))["name"] == other["name"]


async def test_an_unknown_field_of_a_body_is_passed_over(admin, id):
    """So that a client of the next release can speak to this one; docs/api.md says it."""
    assert (await admin("PUT", f"/devices/{id}", {"name": "Press 4", "colour": "red"}))["name"] == "Press 4"
    # With nothing else in it, nothing was to be changed.
    assert (await admin.refused("PUT", f"/devices/{id}", {"colour": "red"})).reason == "READ_ONLY_FIELD"


async def test_of_a_field_given_twice_the_last_is_taken(admin):
    serial = f"SN-{uuid4().hex[:12]}"
    body = f'{{"name": "first", "type": "sensor", "serial_number": "{serial}", "name": "last"}}'
    response = await admin.http.post("/devices/", content=body)
    assert response.json()["device"]["name"] == "last"


async def test_of_a_change_with_a_field_given_twice_nothing_is_taken(admin, id):
    response = await admin.http.put(f"/devices/{id}", content=b'{"name": "first", "name": "last"}')
    assert (response.status_code, response.json()["details"][0]["reason"]) == (400, "INVALID_REQUEST")
    assert (await admin("GET", f"/devices/{id}"))["version"] == 1


async def test_a_number_of_64_bits_is_text_and_one_of_32_a_number(admin, ready):
    await admin("POST", "/monitoring/data", {"device_id": ready.id, "metrics": {"door_metric": 4}})

    async def counted():
        stats = await admin("GET", "/monitoring/stats")
        return stats if "door_metric" in stats["metrics"] else None

    stats = await eventually(counted)
    assert stats["metrics"]["door_metric"]["count"] == "1"
    assert isinstance(stats["devices"]["online"], int)


async def test_an_answer_has_its_empty_fields_too_in_snake_case(admin, id):
    device = await admin("GET", f"/devices/{id}")
    assert (device["deploy_date"], device["reserved_for"], device["specs"]) == ("", "", {})
    assert all(name == name.lower() for name in device)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE", "TRACE"])
async def test_a_method_that_is_not_documented_is_not_found(admin, method):
    response = await admin.http.request(method, "/devices/")
    assert response.status_code == httpx.codes.NOT_FOUND
    assert method == "HEAD" or response.json()["details"][0]["reason"] == "NO_SUCH_ENDPOINT"


@pytest.mark.parametrize("path", ["/devices/1%2F2", "/devices%2f1", "/devices/1%5C2", "/devices/%2e%2e%2fusers"])
async def test_an_escaped_slash_is_refused_with_words(admin, path):
    no = await admin.refused("GET", path)
    assert (no.status, no.reason) == (400, "INVALID_REQUEST")
    assert "slash" in no.message


@pytest.mark.parametrize("path", ["/devices/1:deploy", "/devices:in_stock", "/devices/1/deploy:force"])
async def test_there_are_no_custom_verbs(admin, path):
    for method in ("GET", "PUT", "POST"):
        no = await admin.refused(method, path, {} if method != "GET" else None)
        assert no.status in {400, 404}
        assert no.reason in {"INVALID_REQUEST", "NO_SUCH_ENDPOINT"}


async def test_the_path_of_an_rpc_takes_no_json(admin, id):
    no = await admin.refused("POST", "/fieldstock.inventory.v1.DeviceService/GetDevice", {"id": id})
    assert (no.status, no.reason) == (404, "NO_SUCH_ENDPOINT")


async def test_a_failure_of_a_service_keeps_its_details(admin):
    no = await admin.refused("POST", "/devices/", {"notes": "n"})
    assert (no.status, no.code, no.reason) == (400, 3, "INVALID_FIELD")
    assert no.fields == ["name", "serial_number", "type"]


async def test_an_answer_of_many_megabytes_comes_whole(admin, inventory):
    """The largest page there can be: devices at their most talkative."""
    type = f"heavy-{uuid4().hex[:8]}"
    inventory.execute(
        "INSERT INTO t_devices (name, type, serial_number, specs)"
        " SELECT 'Heavy ' || n, %s, %s || n, jsonb_build_object('notes', repeat('x', 16000))"
        " FROM generate_series(1, 500) n",
        [type, f"{type}-"],
    )
    inventory.commit()
    page = await admin("GET", "/devices/", params={"type": type, "page_size": 500})
    assert len(page["devices"]) == 500
    assert all(len(device["specs"]["notes"]) == 16_000 for device in page["devices"])


async def test_a_body_at_the_limit_is_read_and_one_above_it_is_not(admin):
    space = b" " * (1024 * 1024 - 2)
    response = await admin.http.post("/devices/", content=b"{" + space + b"}")
    assert response.json()["details"][0]["reason"] == "INVALID_FIELD"
    response = await admin.http.post("/devices/", content=b"{" + space + b" }")
    assert response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert response.json()["details"][0]["reason"] == "BODY_TOO_LARGE"


async def test_who_waits_no_longer_than_a_deadline_is_answered_by_then(admin, door, id, inventory):
    """A row that another holds: the update waits for it, and both kinds of clients say for how long."""
    inventory.execute("SELECT * FROM t_devices WHERE id = %s FOR UPDATE", [id])
    started = time.monotonic()
    response = await admin.http.put(f"/devices/{id}", json={"name": "n"}, headers={"grpc-timeout": "500m"})
    assert (response.status_code, response.json()["code"]) == (504, 4)
    assert response.json()["details"][0]["reason"] == "DEADLINE_EXCEEDED"
    devices = device_service_pb2_grpc.DeviceServiceStub(door)
    token = admin.http.headers["authorization"]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await devices.UpdateDevice(
            device_service_pb2.UpdateDeviceRequest(id=id, name="n"), timeout=0.5, metadata=(("authorization", token),)
        )
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 5
    inventory.rollback()
    async with asyncio.timeout(10):
        assert (await admin("PUT", f"/devices/{id}", {"name": "after"}))["name"] == "after"
