"""The seed's deployment flow, through Envoy, with real clients."""

import time

from fieldstock_device import DeviceClient
from servicekit.testing import eventually


async def test_an_admin_deploys_a_device_and_sees_it_live(admin, stocked, ear, speak):
    serial = stocked._credential["serial_number"]
    in_stock = await admin("GET", "/devices/in_stock", params={"q": serial})
    assert [device["id"] for device in in_stock["devices"]] == [stocked.id]

    async def told():
        no = await stocked.refused_token()
        return no if no.reason != "INVALID_CREDENTIALS" else None  # auth has not heard of the device yet

    assert (await eventually(told)).reason == "DEVICE_NOT_DEPLOYED"

    deployed = await admin(
        "PUT", f"/devices/{stocked.id}/deploy", {"location": "Factory A - Floor 3", "status": "deployed"}
    )
    assert (deployed["status"], deployed["location"]) == ("deployed", "Factory A - Floor 3")
    assert (await admin("GET", "/devices/in_stock", params={"q": serial}))["devices"] == []

    rule = await admin(
        "POST",
        "/monitoring/rules",
        {
            "name": "Too hot",
            "kind": "threshold",
            "severity": "critical",
            "enabled": True,
            "device_id": stocked.id,
            "threshold": {"metric": "temperature", "direction": "above", "limit": 85, "clear_limit": 80},
        },
    )
    await ear.subscribe("alerts", f"device:{stocked.id}")

    token = await stocked.token_when_deployed()
    stream = stocked.stream(token)
    await stream.write(speak(1, {"temperature": 21.5, "cpu": 12}, {"temperature": 22.5, "cpu": 13}))
    await stream.done_writing()
    summary = await stream
    assert (summary.committed_sequence, summary.accepted_rows, summary.rejected_rows) == (1, 2, 0)

    # Acknowledged means readable: no waiting here.
    page = await admin("GET", f"/monitoring/data/{stocked.id}")
    assert [reading["metrics"] for reading in page["readings"]] == [
        {"temperature": 22.5, "cpu": 13},
        {"temperature": 21.5, "cpu": 12},
    ]
    reading = await ear.hear("reading", device_id=stocked.id)
    assert reading["metrics"] == {"temperature": 22.5, "cpu": 13}

    stream = stocked.stream(token)
    await stream.write(speak(2, {"temperature": 91.2, "cpu": 50}))
    await stream.done_writing()
    await stream
    alert = await ear.hear("alert", device_id=stocked.id, rule_id=rule["id"])
    assert (alert["state"], alert["severity"], alert["value"], alert["metric"]) == (
        "active",
        "critical",
        91.2,
        "temperature",
    )
    listed = await admin("GET", "/monitoring/alerts", params={"device_id": stocked.id})
    assert listed["alerts"] == [alert]

    # Between the limits nothing changes; below the lower one it is over.
    stream = stocked.stream(token)
    await stream.write(speak(3, {"temperature": 83.0}, {"temperature": 79.0}))
    await stream.done_writing()
    await stream
    resolved = await ear.hear("alert", id=alert["id"], state="resolved")
    assert resolved["resolved_because"] == "condition_cleared"
    assert (await admin("GET", "/monitoring/alerts", params={"device_id": stocked.id}))["alerts"] == []


async def test_a_reading_posted_over_rest_is_stored_and_read_back(admin, deployed):
    async def stored():
        response = await admin.http.post(
            "/monitoring/data", json={"device_id": deployed.id, "metrics": {"temperature": 21.5}}
        )
        return response.json() if response.is_success else None

    reading = await eventually(stored)  # telemetry hears of the deployment a moment later
    assert reading["metrics"] == {"temperature": 21.5}
    (read,) = (await admin("GET", f"/monitoring/data/{deployed.id}"))["readings"]
    assert read.pop("received_at") >= read["time"]
    assert read == reading


async def test_the_device_client_delivers_all_that_it_was_given(admin, stack, ready):
    async with DeviceClient(stack.base_url, **ready._credential) as client:
        started = int(time.time() * 1000) - 1000
        for n in range(250):
            await client.record({"temperature": 20 + n / 10}, time=(started + n) / 1000)
    assert client.counters.acknowledged == 250
    page = await admin("GET", f"/monitoring/data/{ready.id}", params={"page_size": 500})
    values = [reading["metrics"]["temperature"] for reading in page["readings"]]
    assert values == [20 + n / 10 for n in reversed(range(250))]


async def test_health_tells_what_a_device_said_last(admin, deployed, speak):
    stream = deployed.stream(await deployed.token_when_deployed())
    await stream.write(speak(1, {"temperature": 21.5}))
    await stream.done_writing()
    await stream

    async def health():
        found = await admin("GET", f"/monitoring/devices/{deployed.id}")
        return found if found["online"] else None

    found = await eventually(health)
    assert found["status"] == "deployed"
    assert found["latest"]["temperature"]["value"] == 21.5
