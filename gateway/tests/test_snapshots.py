"""The present state, and what happens while it is on its way."""

import asyncio
import time
from typing import Any

from google.protobuf.json_format import MessageToDict

from fieldstock.inventory.v1 import device_pb2
from fieldstock.telemetry.v1 import alert_pb2
from gateway.testing import Watcher
from servicekit.access import Kind
from servicekit.testing import close_connections, eventually


def alert(number: int, **fields: Any) -> alert_pb2.Alert:
    return alert_pb2.Alert(**{"id": f"a{number}", "device_id": 7, "version": 1, "state": "active", **fields})


async def test_a_snapshot_of_alerts_shows_those_that_are_open_as_rest_does(watcher: Watcher, telemetry: Any):
    telemetry.alerts = [alert(1, value=91.5, severity="critical"), alert(2)]
    telemetry.alerts[0].opened_at.FromMilliseconds(1_700_000_000_250)
    (snapshot,) = await watcher.subscribe("alerts")
    assert snapshot["total"] == 2
    assert [item["id"] for item in snapshot["items"]] == ["a1", "a2"]
    assert snapshot["items"][0] == {
        "id": "a1",
        "device_id": 7,
        "device_name": "",
        "rule_id": "",
        "kind": "",
        "metric": "",
        "severity": "critical",
        "message": "",
        "value": 91.5,
        "state": "active",
        "acknowledged": False,
        "opened_at": "2023-11-14T22:13:20.250Z",
        "acknowledged_by": "",
        "resolved_because": "",
        "silenced": False,
        "version": 1,
        "acknowledged_note": "",
        "resolved_note": "",
        "resolved_by": "",
    }
    assert telemetry.asked[0].state == "active"


async def test_a_snapshot_has_at_most_five_hundred_items_and_no_total_then(watcher: Watcher, telemetry: Any):
    telemetry.alerts = [alert(number) for number in range(501)]
    (snapshot,) = await watcher.subscribe("alerts")
    assert len(snapshot["items"]) == 500
    assert "total" not in snapshot


async def test_a_snapshot_of_devices_is_inventorys(watcher: Watcher, inventory: Any):
    inventory.devices = [device_pb2.Device(id=7, name="Press 4", status="deployed", version=4)]
    inventory.devices[0].specs["fw"] = "1.2"
    (snapshot,) = await watcher.subscribe("devices")
    assert snapshot["items"] == [
        MessageToDict(inventory.devices[0], preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    ]
    assert snapshot["items"][0]["specs"] == {"fw": "1.2"}
    assert snapshot["items"][0]["deploy_date"] == ""


async def test_a_snapshot_of_presence_has_the_shape_of_its_events(watcher: Watcher, telemetry: Any):
    telemetry.health = {7: telemetry.healthy(7, last_seen_ms=1_700_000_000_250), 8: telemetry.healthy(8, online=False)}
    (snapshot,) = await watcher.subscribe("presence")
    assert snapshot["items"] == [
        {"device_id": 7, "online": True, "last_seen": "2023-11-14T22:13:20.250Z", "version": "1700000000250"},
        {"device_id": 8, "online": False, "version": "0"},
    ]


async def test_a_snapshot_of_a_device_is_its_health(watcher: Watcher, telemetry: Any):
    telemetry.health[7] = telemetry.healthy(7, last_seen_ms=1_700_000_000_250)
    telemetry.health[7].latest["temperature"].value = 21.5
    (snapshot,) = await watcher.subscribe("device:7")
    assert snapshot["total"] == 1
    (item,) = snapshot["items"]
    assert (item["device_id"], item["online"], item["open_alerts"]) == (7, True, 0)
    assert item["latest"]["temperature"]["value"] == 21.5


async def test_the_snapshot_of_a_device_that_is_not_watched_says_so(watcher: Watcher, publisher: Any):
    (snapshot,) = await watcher.subscribe("device:2000000000")
    assert snapshot["items"] == []
    assert snapshot["error"] == {
        "reason": "UNKNOWN_DEVICE",
        "message": "There is no device 2000000000.",
        "retrying": False,
    }
    await publisher.presence(2_000_000_000, online=True, version=1)
    await watcher.next("presence")


async def test_what_a_principal_may_not_list_is_told(watcher_of: Any, issuer: Any):
    service = watcher_of()
    await service.connect({"token": issuer.token(Kind.SERVICE)})
    (snapshot,) = await service.subscribe("devices")
    assert snapshot["error"]["reason"] == "PERMISSION_DENIED"


async def test_what_happens_while_a_snapshot_is_on_its_way_is_told_at_once_and_again_after_it(
    watcher: Watcher, telemetry: Any, publisher: Any
):
    telemetry.open.clear()
    assert (await watcher.call("subscribe", {"topics": ["alerts"]}))["taken"] == ["alerts"]
    await eventually(lambda: _asked(telemetry, 1))
    await publisher.alert()
    assert (await watcher.next("alert"))["id"] == "a1"
    assert watcher.pending("snapshot") == []
    telemetry.open.set()
    assert (await watcher.next("snapshot"))["items"] == []
    assert (await watcher.next("alert"))["id"] == "a1"


async def test_subscribing_again_gives_a_new_snapshot(watcher: Watcher, telemetry: Any):
    (first,) = await watcher.subscribe("alerts")
    telemetry.alerts = [alert(1)]
    (second,) = await watcher.subscribe("alerts")
    assert [len(first["items"]), len(second["items"])] == [0, 1]
    assert second["version"] >= first["version"]


async def test_who_asks_at_the_same_time_gets_one_answer_that_was_fetched_once(
    watcher_of: Any, issuer: Any, telemetry: Any
):
    watchers = [watcher_of() for _ in range(10)]
    for number, watcher in enumerate(watchers, start=1):
        await watcher.connect({"token": issuer.token(id=number)})
    telemetry.open.clear()
    first, *others = watchers
    await first.call("subscribe", {"topics": ["alerts"]})
    await eventually(lambda: _asked(telemetry, 1))
    # Too late for what was asked already: they may have missed what happened since.
    for watcher in others:
        await watcher.call("subscribe", {"topics": ["alerts"]})
    telemetry.alerts = [alert(1)]
    telemetry.open.set()
    assert (await first.next("snapshot"))["items"] == []
    told = [await watcher.next("snapshot") for watcher in others]
    assert [item["id"] for item in told[0]["items"]] == ["a1"]
    assert told == [told[0]] * 9
    assert len(telemetry.asked) == 2


async def test_what_one_role_may_not_see_is_not_shared_with_it(watcher_of: Any, issuer: Any, inventory: Any):
    inventory.devices = [device_pb2.Device(id=7)]
    user, service = watcher_of(), watcher_of()
    await user.connect({"token": issuer.token()})
    await service.connect({"token": issuer.token(Kind.SERVICE)})
    both = [watcher.call("subscribe", {"topics": ["devices"]}) for watcher in (user, service)]
    await asyncio.gather(*both)
    assert len((await user.next("snapshot"))["items"]) == 1
    refused = await service.next("snapshot")
    assert (refused["items"], refused["error"]["reason"]) == ([], "PERMISSION_DENIED")


async def test_a_token_that_is_no_longer_good_spoils_only_its_owners_snapshot(
    watcher_of: Any, issuer: Any, telemetry: Any, services: Any
):
    telemetry.alerts = [alert(1)]
    first, gone, other = (watcher_of() for _ in range(3))
    for number, watcher in enumerate((first, gone, other), start=1):
        await watcher.connect({"token": issuer.token(id=number)})
    telemetry.open.clear()
    await first.call("subscribe", {"topics": ["alerts"]})
    await eventually(lambda: _asked(telemetry, 1))
    # These two ask together, by the token of the first of them.
    await gone.call("subscribe", {"topics": ["alerts"]})
    await other.call("subscribe", {"topics": ["alerts"]})
    services.verifier.revoke("user:2", time.time() + 1)
    telemetry.open.set()
    assert (await gone.next("snapshot"))["error"]["reason"] == "UNAUTHENTICATED"
    assert len((await other.next("snapshot"))["items"]) == 1


async def test_while_telemetry_is_away_the_client_is_told_and_then_gets_its_snapshot(
    watcher: Watcher, services: Any, publisher: Any
):
    await services.stop()
    (snapshot,) = await watcher.subscribe("alerts")
    assert snapshot["items"] == []
    assert snapshot["error"]["reason"] == "SNAPSHOT_UNAVAILABLE"
    assert snapshot["error"]["retrying"] is True
    await publisher.alert()
    assert (await watcher.next("alert"))["id"] == "a1"
    services.telemetry.alerts = [alert(1), alert(2)]
    await services.start()
    snapshot = await watcher.next("snapshot")
    assert "error" not in snapshot
    assert snapshot["total"] == 2
    assert watcher.pending("snapshot") == []


async def test_after_the_broker_was_away_everybody_gets_fresh_snapshots(
    watcher: Watcher, telemetry: Any, publisher: Any, vhost: str
):
    telemetry.health[7] = telemetry.healthy(7)
    await watcher.subscribe("alerts", "device:7")
    telemetry.alerts = [alert(1)]
    await close_connections(vhost, "gateway")
    told = {snapshot["topic"]: snapshot for snapshot in [await watcher.next("snapshot") for _ in range(2)]}
    assert [item["id"] for item in told["alerts"]["items"]] == ["a1"]
    assert told["device:7"]["items"][0]["device_id"] == 7
    await publisher.alert(version=2)
    assert (await watcher.next("alert"))["version"] == 2


async def _asked(telemetry: Any, times: int) -> bool:
    return len(telemetry.asked) >= times
