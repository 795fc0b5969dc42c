"""Alerts that somebody acknowledges, and ends by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import pytest

from fieldstock.telemetry.v1 import events_pb2
from servicekit.access import Role
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import Issuer, eventually, refused
from telemetry_svc.clock import system
from telemetry_svc.store import Store

Make = Callable[..., Any]


@pytest.fixture
async def told(vhost: str) -> AsyncIterator[asyncio.Queue[tuple[str, Any]]]:
    """The events of alerts: key and alert."""
    events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def handle(some: Sequence[Event]) -> None:
        for event in some:
            events.put_nowait((event.key, events_pb2.AlertChanged.FromString(event.body).alert))

    async with Broker(vhost, "listener") as broker:
        await broker.declare("listener", ["telemetry.alert.*"])
        broker.consume("listener", ["telemetry.alert.*"], handle)
        yield events


@pytest.fixture
async def hot(inventory: Any, admin: Any, device: Any, batch: Make) -> Any:
    """An alert of device 7: above 85."""
    await inventory.deploy(7)
    await admin.add_rule()
    await device.send(batch(1, [system()], temperature=[91]))
    return await admin.alert()


async def test_an_acknowledgement_says_who_and_when_and_why(told: Any, hot: Any, admin: Any) -> None:
    done = await admin.acknowledge(hot.id, note=" On my way\nwith a ladder ", version=1)
    assert (done.acknowledged, done.acknowledged_by, done.acknowledged_note, done.version) == (
        True,
        "admin",
        "On my way\nwith a ladder",
        2,
    )
    assert abs(done.acknowledged_at.ToMilliseconds() - system()) < 5_000
    assert done.state == "active"
    assert await admin.alerts() == [done]
    keys = [await asyncio.wait_for(told.get(), 5) for _ in range(2)]
    assert keys == [("telemetry.alert.opened", hot), ("telemetry.alert.acknowledged", done)]


async def test_a_second_acknowledgement_changes_nothing(hot: Any, admin: Any, issuer: Issuer) -> None:
    done = await admin.acknowledge(hot.id, note="first", version=1)
    assert await admin.acknowledge(hot.id, note="second", version=1) == done
    assert await admin.alerts() == [done]


async def test_of_many_who_acknowledge_at_once_one_is_named(hot: Any, admin: Any) -> None:
    done = await asyncio.gather(*(admin.acknowledge(hot.id, note=str(one)) for one in range(20)))
    assert len({one.acknowledged_note for one in done}) == 1
    assert (await admin.alerts())[0].version == 2


async def test_of_many_who_resolve_at_once_one_does(told: Any, hot: Any, admin: Any) -> None:
    outcomes = await asyncio.gather(*(admin.resolve(hot.id) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    keys = [(await asyncio.wait_for(told.get(), 5))[0] for _ in range(2)]
    assert keys == ["telemetry.alert.opened", "telemetry.alert.resolved"]
    assert told.empty()


async def test_what_is_resolved_by_hand_says_so(hot: Any, admin: Any) -> None:
    done = await admin.resolve(hot.id, note="$sensor replaced", version=1)
    assert (done.state, done.resolved_because, done.resolved_by, done.resolved_note, done.version) == (
        "resolved",
        "by_hand",
        "admin",
        "$sensor replaced",
        2,
    )
    assert await admin.alerts() == []
    for call in (admin.resolve(hot.id), admin.acknowledge(hot.id)):
        no = await refused(call)
        assert (no.code, no.reason) == ("FAILED_PRECONDITION", "ALERT_RESOLVED")


async def test_while_the_condition_holds_the_rule_is_mute_for_the_device_also_after_a_restart(
    start: Any, inventory: Any, issuer: Issuer, client: Make, batch: Make, store: Store
) -> None:
    async with start() as channel:
        admin = client(channel, issuer.metadata())
        await inventory.deploy(7, 8)
        await admin.add_rule()
        await admin.send(batch(1, [system()], device=7, temperature=[91]))
        first = await admin.alert()
        await admin.resolve(first.id)
        await admin.send(
            batch(1, [system()], device=7, temperature=[92]), batch(2, [system()], device=8, temperature=[99])
        )
        assert (await admin.alert()).device_id == 8  # it came behind
        assert len(await admin.alerts(state="all")) == 2
    inventory.admin = None
    async with start() as channel:
        admin = client(channel, issuer.metadata())

        async def watching() -> bool:
            return (await admin.health(8)).online

        await eventually(watching, 15)
        await admin.send(batch(1, [system()], device=7, temperature=[93]))
        await admin.send(batch(1, [system()], device=8, temperature=[20]))
        await eventually(lambda: admin.alerts(state="resolved", device_id=8))
        assert await admin.alerts(state="all", device_id=7) == [await _alert(admin, first.id)]
        await admin.send(batch(1, [system()], device=7, temperature=[20]))
        await admin.send(batch(1, [system() + 1], device=7, temperature=[94]))
        second = await admin.alert(device_id=7)
        assert second.id != first.id


async def _alert(admin: Any, id: str) -> Any:
    return next(alert for alert in await admin.alerts(state="all") if alert.id == id)


async def test_a_recall_ends_the_muteness(hot: Any, admin: Any, inventory: Any, device: Any, batch: Make) -> None:
    await admin.resolve(hot.id)
    await inventory.tell(7, "in_stock")
    await inventory.tell(7, "deployed")
    await device.send(batch(1, [system() + 50], temperature=[95]))
    assert (await admin.alert()).id != hot.id


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
async def test_what_cannot_be_is_refused_and_changes_nothing(hot: Any, admin: Any, action: str) -> None:
    act = getattr(admin, action)
    for id in ("nothing", "0" * 32, "$where", "x" * 5_000, "\x00"):
        no = await refused(act(id))
        assert (no.code, no.reason) == ("NOT_FOUND", "ALERT_NOT_FOUND")
    for field, fields in (("note", {"note": "n" * 1_001}), ("note", {"note": "\x00"}), ("version", {"version": -1})):
        no = await refused(act(hot.id, **fields))
        assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", [field])
    no = await refused(act(""))
    assert (no.reason, no.fields) == ("INVALID_FIELD", ["id"])
    no = await refused(act(hot.id, version=2))
    assert (no.code, no.reason) == ("ABORTED", "STALE_VERSION")
    assert await admin.alerts() == [hot]


async def test_a_viewer_and_a_device_may_not(hot: Any, viewer: Any, device: Any, admin: Any) -> None:
    for client in (viewer, device):
        for act in (client.acknowledge, client.resolve):
            assert (await refused(act(hot.id))).code == grpc.StatusCode.PERMISSION_DENIED.name
    assert await admin.alerts() == [hot]


async def test_an_operator_may(hot: Any, channel: grpc.aio.Channel, issuer: Issuer, client: Make) -> None:
    operator = client(channel, issuer.metadata(id=3, role=Role.OPERATOR))
    assert (await operator.acknowledge(hot.id)).acknowledged
