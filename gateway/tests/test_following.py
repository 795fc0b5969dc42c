"""What clients may ask to follow."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.app import Edge
from gateway.testing import Watcher
from servicekit.access import Role
from servicekit.testing import Issuer


async def test_every_topic_is_taken_and_answered_with_its_snapshot(watcher: Watcher, telemetry: Any):
    telemetry.health[7] = telemetry.healthy(7)
    topics = ["alerts", "presence", "stats", "devices", "device:7"]
    snapshots = await watcher.subscribe(*topics)
    assert sorted(snapshot["topic"] for snapshot in snapshots) == sorted(topics)


UNKNOWN = [
    "statistics",
    "",
    "Alerts",
    "device:",
    "device:0",
    "device:-1",
    "device:07",
    "device:7 ",
    "device:7\n",
    "device:٧",
    "device:2147483648",
    "device:" + "9" * 5000,
]
INVALID = [7, None, True, ["alerts"], {"alerts": 1}]


@pytest.mark.parametrize("event", ["subscribe", "unsubscribe"])
async def test_topics_that_do_not_exist_are_refused_beside_one_that_does(watcher: Watcher, event: str):
    answer = await watcher.call(event, {"topics": [*UNKNOWN, *INVALID, "presence"]})
    assert answer["taken"] == ["presence"]
    told = [(refused["topic"], refused["reason"]) for refused in answer["refused"]]
    assert told == [*((topic[:100], "UNKNOWN_TOPIC") for topic in UNKNOWN), *((None, "INVALID_TOPIC") for _ in INVALID)]


@pytest.mark.parametrize("event", ["subscribe", "unsubscribe"])
async def test_a_request_of_the_wrong_shape_is_refused_and_the_client_stays(watcher: Watcher, event: str):
    for given in (None, "alerts", ["alerts"], 7, {}, {"topics": None}, {"topics": "alerts"}, {"topics": {}}):
        answer = await watcher.call(event, given)
        assert answer["taken"] == []
        assert [refused["reason"] for refused in answer["refused"]] == ["INVALID_FIELD"]
    assert await watcher.subscribe("alerts")


async def test_a_client_follows_a_hundred_topics_and_no_more(watcher: Watcher):
    wanted = [f"device:{device_id}" for device_id in range(1, 102)]
    answer = await watcher.call("subscribe", {"topics": wanted})
    assert answer["taken"] == wanted[:100]
    assert [(refused["topic"], refused["reason"]) for refused in answer["refused"]] == [
        ("device:101", "TOO_MANY_TOPICS")
    ]
    again = await watcher.call("subscribe", {"topics": ["device:1"]})
    assert again["taken"] == ["device:1"]
    await watcher.call("unsubscribe", {"topics": ["device:1"]})
    assert (await watcher.call("subscribe", {"topics": ["device:101"]}))["taken"] == ["device:101"]


async def test_a_topic_named_twice_is_taken_once(watcher: Watcher):
    answer = await watcher.call("subscribe", {"topics": ["alerts", "alerts"]})
    assert answer == {"taken": ["alerts"], "refused": []}


async def test_nothing_is_heard_after_unsubscribing(watcher: Watcher, publisher: Any):
    await watcher.subscribe("alerts", "presence")
    assert await watcher.call("unsubscribe", {"topics": ["alerts"]}) == {"taken": ["alerts"], "refused": []}
    await publisher.alert()
    await publisher.presence(7, online=True, version=5)
    await watcher.next("presence")
    assert watcher.pending("alert") == []


async def test_unsubscribing_from_what_was_not_followed_is_no_error(watcher: Watcher):
    assert await watcher.call("unsubscribe", {"topics": ["device:7"]}) == {"taken": ["device:7"], "refused": []}


async def test_a_viewer_sees_all_of_it(watcher_of: Callable[[], Watcher], issuer: Issuer, telemetry: Any):
    telemetry.health[7] = telemetry.healthy(7)
    viewer = watcher_of()
    await viewer.connect({"token": issuer.token(id=2, role=Role.VIEWER)})
    for snapshot in await viewer.subscribe("alerts", "presence", "stats", "devices", "device:7"):
        assert "error" not in snapshot


async def test_an_unknown_event_is_answered(watcher: Watcher):
    answer = await watcher.call("shutdown", {"now": True})
    assert answer["error"]["reason"] == "UNKNOWN_EVENT"


@pytest.mark.parametrize("event", ["connect", "connection"])
async def test_an_event_that_poses_as_the_librarys_own_changes_nothing(watcher: Watcher, edge: Edge, event: str):
    posing = {"asgi.scope": {"fieldstock.wire": "mine"}}
    await watcher.socket.emit(event, (posing, {"token": "x"}))
    assert await watcher.subscribe("alerts")
    assert len(edge.sessions) == 1


async def test_an_event_that_poses_as_a_goodbye_is_one(watcher: Watcher, edge: Edge):
    await watcher.socket.emit("disconnect", "because")
    await watcher.gone.wait()
    assert len(edge.sessions) == 0


@pytest.mark.parametrize("data", [b"\x00" * 10, {"topics": [b"\x00"]}])
async def test_binary_messages_end_the_connection(watcher: Watcher, data: Any):
    await watcher.socket.emit("subscribe", data)
    await watcher.gone.wait()


async def test_a_message_beyond_all_use_ends_the_connection(watcher: Watcher):
    await watcher.socket.emit("subscribe", {"topics": ["x" * 20_000]})
    await watcher.gone.wait()


async def test_what_is_no_socket_io_leaves_others_alone(
    watcher: Watcher, watcher_of: Callable[[], Watcher], issuer: Issuer
):
    texts = ["4", "49", "42", "42[", "42[]", "42{}", "420[" * 1000, "42[1]", "7", "x", "", "40/other,", "43", "44{}"]
    for text in texts:
        nonsense = watcher_of()
        await nonsense.connect({"token": issuer.token()})
        await nonsense.socket.eio.ws.send_str(text)
    assert await watcher.subscribe("alerts")
