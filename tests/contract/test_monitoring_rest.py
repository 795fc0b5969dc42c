"""Monitoring over REST, through Envoy: each endpoint once, and what it refuses."""

import pytest

from servicekit.testing import eventually


@pytest.fixture
async def hot(admin, ready):
    """An alert of a device: above 85."""
    threshold = {"metric": "temperature", "direction": "above", "limit": 85}
    rule = {"name": "Hot", "kind": "threshold", "severity": "critical", "enabled": True, "threshold": threshold}
    rule = await admin("POST", "/monitoring/rules", {**rule, "device_id": ready.id})
    await admin("POST", "/monitoring/data", {"device_id": ready.id, "metrics": {"temperature": 91.5}})
    yield (await eventually(lambda: open_alerts(admin, ready.id)))[0]
    await admin("DELETE", f"/monitoring/rules/{rule['id']}")


async def open_alerts(admin, device_id, state="active"):
    query = {"device_id": device_id, "state": state}
    return (await admin("GET", "/monitoring/alerts", params=query))["alerts"]


async def test_readings_of_many_devices_are_listed(admin, make_ready):
    devices = [await make_ready(), await make_ready()]
    for device in devices:
        await admin("POST", "/monitoring/data", {"device_id": device.id, "metrics": {"temperature": 21.5}})
    query = {"device_id": [device.id for device in devices], "page_size": 1}
    first = await admin("GET", "/monitoring/data", params=query)
    second = await admin("GET", "/monitoring/data", params={**query, "page_token": first["next_page_token"]})
    listed = [reading["device_id"] for page in (first, second) for reading in page["readings"]]
    assert listed == [device.id for device in devices]
    assert first["readings"][0]["metrics"] == {"temperature": 21.5}


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({"device_id": "seven"}, 400, "INVALID_REQUEST"),
        ({"device_id": [1] * 101}, 400, "INVALID_FIELD"),
        ({"device_id": 2_000_000_000}, 404, "UNKNOWN_DEVICE"),
        ({"start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}, 400, "INVALID_FIELD"),
        ({"page_token": "nonsense"}, 400, "INVALID_PAGE_TOKEN"),
        ({"page_size": -1}, 400, "INVALID_FIELD"),
    ],
)
async def test_what_cannot_be_listed_is_refused(admin, query, status, reason):
    no = await admin.refused("GET", "/monitoring/data", params=query)
    assert (no.status, no.reason) == (status, reason)


async def test_an_alert_is_acknowledged_and_resolved_by_hand(admin, hot, ready):
    path = f"/monitoring/alerts/{hot['id']}"
    seen = await admin("PUT", f"{path}/acknowledge", {"note": "on my way", "version": 1})
    assert (seen["acknowledged"], seen["acknowledged_by"], seen["acknowledged_note"]) == (True, "admin", "on my way")
    done = await admin("PUT", f"{path}/resolve", {"note": "replaced"})
    assert (done["state"], done["resolved_because"], done["resolved_by"]) == ("resolved", "by_hand", "admin")
    assert await open_alerts(admin, ready.id, "resolved") == [done]
    await admin("POST", "/monitoring/data", {"device_id": ready.id, "metrics": {"temperature": 95}})
    for action in ("acknowledge", "resolve"):
        no = await admin.refused("PUT", f"{path}/{action}", {})
        assert (no.status, no.reason) == (400, "ALERT_RESOLVED")
    assert await open_alerts(admin, ready.id) == []


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
async def test_what_cannot_be_done_to_an_alert_is_refused(admin, anyone, hot, ready, action):
    path = f"/monitoring/alerts/{hot['id']}/{action}"
    wrong = [
        ({"note": "n" * 1_001}, 400, "INVALID_FIELD"),
        ({"note": ["a"]}, 400, "INVALID_REQUEST"),
        ({"version": "new"}, 400, "INVALID_REQUEST"),
        ({"version": -1}, 400, "INVALID_FIELD"),
        ({"version": 7}, 409, "STALE_VERSION"),
    ]
    for body, status, reason in wrong:
        no = await admin.refused("PUT", path, body)
        assert (no.status, no.reason) == (status, reason)
    for id in ("nothing", "-1", "%00", "x" * 2_000):
        no = await admin.refused("PUT", f"/monitoring/alerts/{id}/{action}", {})
        assert no.status in (400, 404)
    assert (await anyone.refused("PUT", path, {})).status == 401
    assert await open_alerts(admin, ready.id) == [hot]


async def test_a_rule_for_what_is_abnormal_is_made_with_defaults(admin):
    rule = {"name": "Odd", "kind": "abnormal", "severity": "info", "abnormal": {"metric": "temperature"}}
    made = await admin("POST", "/monitoring/rules", rule)
    assert made["abnormal"] == {"metric": "temperature", "z_score": 4, "alpha": 0.05, "warm_up": 60}
    await admin("DELETE", f"/monitoring/rules/{made['id']}")


@pytest.mark.parametrize(
    ("field", "abnormal"),
    [
        ("abnormal.metric", {"metric": "Warmth!"}),
        ("abnormal.metric", {}),
        ("abnormal.z_score", {"metric": "a", "z_score": 1.9}),
        ("abnormal.z_score", {"metric": "a", "z_score": "NaN"}),
        ("abnormal.alpha", {"metric": "a", "alpha": 0.6}),
        ("abnormal.alpha", {"metric": "a", "alpha": -0.1}),
        ("abnormal.warm_up", {"metric": "a", "warm_up": 9}),
    ],
)
async def test_a_rule_that_cannot_be_is_refused(admin, field, abnormal):
    rule = {"name": "Odd", "kind": "abnormal", "severity": "info", "abnormal": abnormal}
    no = await admin.refused("POST", "/monitoring/rules", rule)
    assert (no.status, no.reason, no.fields) == (400, "INVALID_FIELD", [field])


async def test_the_fleet_in_numbers(admin, ready):
    await admin("POST", "/monitoring/data", {"device_id": ready.id, "metrics": {"contract_metric": 4}})

    async def counted():
        stats = await admin("GET", "/monitoring/stats", params={"window": 60, "type": "sensor"})
        return stats if "contract_metric" in stats["metrics"] else None

    stats = await eventually(counted)
    assert stats["metrics"]["contract_metric"] == {"min": 4, "max": 4, "avg": 4, "count": "1"}
    assert set(stats["devices"]) == {"online", "offline", "never_seen"}
    assert set(stats["alerts"]) == {"info", "warning", "critical"}


@pytest.mark.parametrize(
    ("query", "reason"),
    [({"window": 59}, "INVALID_FIELD"), ({"window": 86_401}, "INVALID_FIELD"), ({"window": "all"}, "INVALID_REQUEST")],
)
async def test_a_window_that_cannot_be_is_refused(admin, query, reason):
    no = await admin.refused("GET", "/monitoring/stats", params=query)
    assert (no.status, no.reason) == (400, reason)


async def test_health_and_inventory_are_one_list(admin, ready):
    device = await admin("GET", f"/devices/{ready.id}")
    query = {"q": device["serial_number"].lower(), "status": "deployed", "order_by": "-last_seen", "online": "false"}
    (health,) = (await admin("GET", "/monitoring/devices", params=query))["devices"]
    for field in ("name", "type", "location", "serial_number"):
        assert health[field] == device[field]
    assert (health["device_id"], health["severity"]) == (ready.id, "")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"status": "lost"}, "INVALID_FIELD"),
        ({"severity": "loud"}, "INVALID_FIELD"),
        ({"order_by": "status"}, "INVALID_FIELD"),
        ({"q": "q" * 101}, "INVALID_FIELD"),
        ({"online": "perhaps"}, "INVALID_REQUEST"),
        ({"page_token": "nonsense"}, "INVALID_PAGE_TOKEN"),
        ({"colour": "red"}, "INVALID_REQUEST"),
    ],
)
async def test_a_list_that_cannot_be_is_refused(admin, query, reason):
    no = await admin.refused("GET", "/monitoring/devices", params=query)
    assert (no.status, no.reason) == (400, reason)


async def test_a_device_that_shows_its_secret_in_stock_raises_an_alert(admin, stocked):
    async def drifting():
        await stocked.refused_token()
        return await open_alerts(admin, stocked.id)

    (alert,) = await eventually(drifting, 10, 0.2)
    assert (alert["kind"], alert["severity"]) == ("drift", "warning")
    assert alert["message"] == "asked for a token while in stock"
