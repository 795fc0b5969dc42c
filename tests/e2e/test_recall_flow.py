"""The seed's recall flow, through Envoy, with real clients."""

import asyncio

import grpc

from servicekit.testing import Refused, eventually


async def test_a_recalled_device_is_cut_off_and_everybody_hears_of_it(admin, deployed, ear, speak):
    rule = await admin(
        "POST",
        "/monitoring/rules",
        {
            "name": "Too hot",
            "kind": "threshold",
            "severity": "warning",
            "enabled": True,
            "device_id": deployed.id,
            "threshold": {"metric": "temperature", "direction": "above", "limit": 85},
        },
    )
    await ear.subscribe("alerts", f"device:{deployed.id}")
    stream = deployed.stream(await deployed.token_when_deployed())
    await stream.write(speak(1, {"temperature": 99.0}))
    opened = await ear.hear("alert", rule_id=rule["id"], state="active")

    recalled = await admin(
        "PUT",
        f"/devices/{deployed.id}/recall",
        {"status": "in_stock", "location": "Warehouse B", "notes": "line closed"},
    )
    assert (recalled["status"], recalled["location"]) == ("in_stock", "Warehouse B")

    # The stream is open and was not touched: the server ends it.
    async with asyncio.timeout(2):
        code = await stream.code()
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert await _reason(stream) == "DEVICE_NOT_DEPLOYED"

    async def refused():
        try:
            await deployed.token()
        except grpc.aio.AioRpcError as error:
            return Refused(error)
        return None

    no = await eventually(refused, within=2)
    assert (no.code, no.reason) == ("PERMISSION_DENIED", "DEVICE_NOT_DEPLOYED")

    heard = await ear.hear("alert", id=opened["id"], state="resolved")
    assert heard["resolved_because"] == "device_recalled"
    # Its alone: that the device asked for a token after its recall is an alert too.
    of_rule = {"device_id": deployed.id, "rule_id": rule["id"]}
    assert (await admin("GET", "/monitoring/alerts", params=of_rule))["alerts"] == []
    past = await admin("GET", "/monitoring/alerts", params={**of_rule, "state": "resolved"})
    assert [alert["resolved_because"] for alert in past["alerts"]] == ["device_recalled"]

    log = (await admin("GET", f"/devices/{deployed.id}/logs"))["logs"][0]
    assert (log["action"], log["old_status"], log["new_status"]) == ("recalled", "deployed", "in_stock")
    assert (log["performed_by_name"], log["notes"]) == ("admin", "line closed")
    assert log["performed_by"] > 0


async def test_the_dashboard_hears_of_the_recall(admin, deployed, ear):
    await ear.subscribe(f"device:{deployed.id}")
    await admin("PUT", f"/devices/{deployed.id}/recall", {"location": "Warehouse B"})
    heard = await ear.hear("device", version=3)
    assert heard["id"] == deployed.id
    assert heard["status"] == "in_stock"
    assert heard["log"]["action"] == "recalled"


async def test_what_was_acknowledged_before_the_recall_stays(admin, deployed, speak):
    stream = deployed.stream(await deployed.token_when_deployed())
    await stream.write(speak(1, {"temperature": 21.0}))
    await stream.done_writing()
    assert (await stream).committed_sequence == 1
    await admin("PUT", f"/devices/{deployed.id}/recall", {"location": "Warehouse B"})
    page = await admin("GET", f"/monitoring/data/{deployed.id}")
    assert [reading["metrics"] for reading in page["readings"]] == [{"temperature": 21.0}]


async def _reason(stream):
    try:
        await stream
    except grpc.aio.AioRpcError as error:
        return Refused(error).reason
    return None
