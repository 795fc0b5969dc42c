"""Devices, stock, types and settings over REST: each endpoint once, and its refusals."""

from urllib.parse import quote
from uuid import uuid4

import pytest


@pytest.fixture
async def id(admin):
    device, _ = await admin.new_device()
    return device["id"]


async def test_a_device_is_updated(admin, id):
    updated = await admin("PUT", f"/devices/{id}", {"name": "Press 4", "specs": {"fw": "2"}, "notes": "typo"})
    assert (updated["name"], updated["specs"], updated["version"]) == ("Press 4", {"fw": "2"}, 2)
    cleared = await admin("PUT", f"/devices/{id}/", {"clear": ["specs"], "version": 2})
    assert (cleared["name"], cleared["specs"]) == ("Press 4", {})


@pytest.mark.parametrize(
    ("body", "reason", "fields"),
    [
        ({}, "READ_ONLY_FIELD", []),
        ({"status": "deployed", "location": "x"}, "READ_ONLY_FIELD", ["location", "status"]),
        ({"created_at": "2026-01-01T00:00:00Z"}, "READ_ONLY_FIELD", ["created_at"]),
        ({"name": ""}, "INVALID_FIELD", ["name"]),
        ({"name": 5}, "INVALID_REQUEST", []),
    ],
)
async def test_an_update_refuses_what_it_may_not_touch(admin, id, body, reason, fields):
    no = await admin.refused("PUT", f"/devices/{id}", body)
    assert (no.status, no.reason, no.fields) == (400, reason, fields)
    assert (await admin("GET", f"/devices/{id}"))["version"] == 1


async def test_a_device_is_reserved_and_goes_to_whom_it_was_reserved_for(admin, id):
    body = {"for": "Line 3", "until": "2126-01-01T00:00:00Z", "status": "reserved"}
    reserved = await admin("PUT", f"/devices/{id}/reserve", body)
    assert (reserved["status"], reserved["reserved_for"]) == ("reserved", "Line 3")
    assert reserved["reserved_until"] == "2126-01-01T00:00:00Z"
    no = await admin.refused("PUT", f"/devices/{id}/deploy", {"location": "Factory"})
    assert (no.status, no.reason) == (400, "RESERVED_FOR_ANOTHER")
    deployed = await admin("PUT", f"/devices/{id}/deploy", {"location": "Factory", "for": "Line 3"})
    assert deployed["status"] == "deployed"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "INVALID_FIELD"),
        ({"for": "x", "until": "2020-01-01T00:00:00Z"}, "INVALID_FIELD"),
        ({"for": "x", "until": "tomorrow"}, "INVALID_REQUEST"),
        ({"for": "x" * 101}, "INVALID_FIELD"),
    ],
)
async def test_a_reservation_that_makes_no_sense_is_refused(admin, id, body, reason):
    no = await admin.refused("PUT", f"/devices/{id}/reserve", body)
    assert (no.status, no.reason) == (400, reason)
    assert (await admin("GET", f"/devices/{id}"))["status"] == "in_stock"


async def test_a_device_is_relocated(admin, id):
    assert (await admin("PUT", f"/devices/{id}/relocate", {"location": "Depot"}))["location"] == "Depot"
    no = await admin.refused("PUT", f"/devices/{id}/relocate", {})
    assert (no.status, no.fields) == (400, ["location"])


async def test_many_devices_are_acted_on(admin, id):
    body = {"action": "deploy", "ids": [id, 2_000_000_000], "location": "Factory"}
    answer = await admin("POST", "/devices/actions", body)
    assert (answer["succeeded"], answer["failed"]) == (1, 1)
    done, failed = answer["results"]
    assert (done["id"], done["device"]["status"], done["reason"]) == (id, "deployed", "")
    assert (failed["id"], failed["reason"]) == (2_000_000_000, "DEVICE_NOT_FOUND")
    no = await admin.refused("POST", "/devices/actions", {"action": "explode", "ids": [id]})
    assert (no.status, no.fields) == (400, ["action"])


async def test_a_credential_is_renewed(admin, anyone, id):
    renewed = await admin("POST", f"/devices/{id}/credential", {})
    assert len(renewed["secret"]) == 43
    assert (await anyone.refused("POST", f"/devices/{id}/credential", {})).status == 401
    await admin("DELETE", f"/devices/{id}")
    no = await admin.refused("POST", f"/devices/{id}/credential", {})
    assert (no.status, no.reason) == (400, "DEVICE_RETIRED")


async def test_a_list_is_ordered(admin, id):
    newest = await admin("GET", "/devices/?order_by=-id&page_size=1")
    assert newest["devices"][0]["id"] >= id
    token = newest["next_page_token"]
    assert (await admin.refused("GET", f"/devices/?order_by=id&page_token={token}")).reason == "INVALID_PAGE_TOKEN"
    assert (await admin.refused("GET", "/devices/?order_by=colour")).fields == ["order_by"]


async def test_stock_is_a_path_of_its_own(admin):
    place = f"Depot {uuid4().hex[:8]}"
    await admin.new_device(location=place)
    level = await admin("PUT", "/devices/stock/levels", {"type": "sensor", "location": place, "minimum": 2})
    assert (level["in_stock"], level["minimum"], level["low"]) == (1, 2, True)
    answer = await admin("GET", f"/devices/stock?location={quote(place)}&type=sensor")
    assert answer == {"levels": [level], "next_page_token": ""}
    no = await admin.refused("PUT", "/devices/stock/levels", {"type": "sensor", "location": place, "minimum": -1})
    assert (no.status, no.fields) == (400, ["minimum"])


async def test_types_are_paths_of_their_own(admin):
    type = f"type-{uuid4().hex[:8]}"
    no = await admin.refused("GET", f"/devices/types/{type}")
    assert (no.status, no.reason) == (404, "DEVICE_TYPE_NOT_FOUND")
    await admin.new_device(type=type)
    assert type in {each["type"] for each in (await admin("GET", "/devices/types/?page_size=500"))["types"]}
    body = {"metrics": [{"name": "temperature", "unit": "°C"}], "silence_seconds": 60, "version": 1}
    changed = await admin("PUT", f"/devices/types/{type}", body)
    assert (changed["metrics"], changed["version"]) == ([{"name": "temperature", "unit": "°C"}], 2)
    assert await admin("GET", f"/devices/types/{type}") == changed
    no = await admin.refused("PUT", f"/devices/types/{type}", body)
    assert (no.status, no.reason) == (409, "STALE_VERSION")


@pytest.mark.parametrize("word", ["settings", "logs", "stock"])
async def test_a_type_may_be_called_like_a_part_of_a_device(admin, word):
    await admin.new_device(type=word)
    assert (await admin("GET", f"/devices/types/{word}"))["type"] == word


async def test_settings_are_desired(admin, id):
    assert (await admin("GET", f"/devices/{id}/settings"))["version"] == 0
    desired = await admin("PUT", f"/devices/{id}/settings", {"desired": {"interval": 5}})
    assert (desired["desired"], desired["version"], desired["reported_version"]) == ({"interval": 5}, 1, 0)
    for body in ({}, {"desired": "fast"}, {"desired": {"a": "x" * 20_000}}):
        assert (await admin.refused("PUT", f"/devices/{id}/settings", body)).status == 400
    assert (await admin.refused("PUT", f"/devices/{id}/settings/reported", {"version": 1})).status == 403
    assert (await admin.refused("GET", "/devices/2000000000/settings")).reason == "DEVICE_NOT_FOUND"


async def test_a_device_reports_its_settings(admin, anyone, deployed):
    token = await deployed.token_when_deployed()
    headers = {"authorization": f"Bearer {token}"}
    await admin("PUT", f"/devices/{deployed.id}/settings", {"desired": {"interval": 5}})
    reported = await anyone("PUT", f"/devices/{deployed.id}/settings/reported", {"version": 1}, headers=headers)
    assert reported["reported_version"] == 1
    no = await anyone.refused("PUT", f"/devices/{deployed.id}/settings/reported", {"version": 9}, headers=headers)
    assert (no.status, no.fields) == (400, ["version"])
