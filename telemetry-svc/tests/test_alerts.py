"""Alerts, from the reading that opens one to whatever ends it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fieldstock.telemetry.v1 import events_pb2, rule_pb2
from servicekit.testing import Heard, Issuer, eventually
from telemetry_svc.clock import system
from telemetry_svc.store import Store

Make = Callable[..., Any]


@pytest.fixture
async def heard(vhost: str) -> AsyncIterator[Heard]:
    async with Heard().listening(vhost, "telemetry.alert.*") as heard:
        yield heard


@pytest.fixture
async def hot(inventory: Any, admin: Any, device: Any, batch: Make) -> Any:
    """An alert of device 7: above 85, and 91.25."""
    await inventory.deploy(7)
    await admin.add_rule()
    await device.send(batch(1, [system()], temperature=[91.25]))
    return await admin.alert()


async def test_a_reading_beyond_the_limit_opens_an_alert(hot: Any, admin: Any) -> None:
    assert hot.message == "temperature 91.25 above 85"
    assert (hot.device_id, hot.device_name, hot.metric, hot.value) == (7, "Device 7", "temperature", 91.25)
    assert (hot.kind, hot.severity, hot.state, hot.version) == ("threshold", "critical", "active", 1)
    assert not hot.HasField("resolved_at")
    assert (await admin.health(7)).open_alerts == 1


async def test_a_reading_back_within_it_resolves_the_alert(hot: Any, admin: Any, device: Any, batch: Make) -> None:
    now = hot.opened_at.ToMilliseconds()
    await device.send(batch(1, [now + 10], temperature=[20]))
    resolved = await admin.alert(state="resolved")
    assert (resolved.id, resolved.resolved_because, resolved.version) == (hot.id, "condition_cleared", 2)
    assert resolved.resolved_at.ToMilliseconds() == now + 10
    assert await admin.alerts() == []


async def test_there_is_one_open_alert_for_a_rule_and_a_device(hot: Any, admin: Any, device: Any, batch: Make) -> None:
    now = hot.opened_at.ToMilliseconds()
    await device.send(batch(1, [now + 1, now + 2, now + 3], temperature=[92, 93, 94]))
    await device.send(batch(1, [now + 4], temperature=[20]))
    await admin.alert(state="resolved")
    assert [alert.id for alert in await admin.alerts(state="all")] == [hot.id]


async def test_an_excursion_inside_one_batch_is_an_alert_that_came_and_went(
    inventory: Any, admin: Any, device: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    await admin.add_rule()
    now = system()
    await device.send(batch(1, [now + i for i in range(6)], temperature=[20, 90, 20, 91, 20, 92]))
    await admin.alert()
    alerts = await admin.alerts(state="all")
    assert [(alert.value, alert.state) for alert in alerts] == [(92, "active"), (91, "resolved"), (90, "resolved")]


@pytest.mark.parametrize(
    "status, because",
    [
        ("in_stock", "device_recalled"),
        ("reserved", "device_recalled"),
        ("maintenance", "device_in_maintenance"),
        ("retired", "device_retired"),
    ],
)
async def test_a_device_that_leaves_the_field_takes_its_alerts_with_it(
    hot: Any, inventory: Any, admin: Any, status: str, because: str
) -> None:
    await inventory.tell(7, status)
    resolved = await admin.alert(state="resolved")
    assert (resolved.id, resolved.resolved_because, resolved.version) == (hot.id, because, 2)
    assert await admin.alerts() == []


async def test_a_device_that_is_deployed_again_raises_its_alert_again(
    hot: Any, inventory: Any, admin: Any, device: Any, batch: Make
) -> None:
    await inventory.tell(7, "maintenance")
    await admin.alert(state="resolved")
    await device.send(batch(1, [system()], temperature=[95]))

    async def seen() -> bool:
        return (await admin.health(7)).latest["temperature"].value == 95

    await eventually(seen)
    await inventory.deploy(7)
    await device.send(batch(1, [system()], temperature=[96]))
    alert = await admin.alert()
    assert (alert.value, alert.id != hot.id) == (96, True)


async def test_an_old_event_that_comes_again_does_not_end_a_later_alert(
    inventory: Any, admin: Any, device: Any, batch: Make
) -> None:
    await admin.add_rule()
    recalled = type(await inventory.tell(7, "in_stock"))()
    recalled.CopyFrom(await inventory.tell(7, "in_stock"))
    await inventory.deploy(7)
    await device.send(batch(1, [system()], temperature=[95]))
    alert = await admin.alert()
    await inventory.tell_again(recalled, "recalled")
    await inventory.tell(8, "deployed")  # behind it in the queue
    assert [one.id for one in await admin.alerts()] == [alert.id]
    assert (await admin.health(7)).status == "deployed"


async def test_every_change_is_told_in_order_with_the_alert_as_it_was(
    heard: Heard, hot: Any, inventory: Any, admin: Any, device: Any, batch: Make
) -> None:
    await device.send(batch(1, [system()], temperature=[20]))
    await device.send(batch(1, [system()], temperature=[99]))
    told = [
        events_pb2.AlertChanged.FromString((await heard.next(f"telemetry.alert.{key}")).body).alert
        for key in ("opened", "resolved", "opened")
    ]
    assert [(alert.version, alert.state) for alert in told] == [(1, "active"), (2, "resolved"), (1, "active")]
    assert told[0] == hot
    assert told[2].id != hot.id


async def test_what_was_told_is_kept_no_longer(hot: Any, store: Store) -> None:
    async def all_told() -> bool:
        return await store.alerts.count_documents({"events": {"$exists": True}}) == 0

    await eventually(all_told)


async def test_deleting_a_rule_ends_its_alerts(hot: Any, admin: Any) -> None:
    await admin.delete_rule(hot.rule_id)
    resolved = await admin.alert(state="resolved")
    assert (resolved.id, resolved.resolved_because) == (hot.id, "rule_deleted")


async def test_changing_a_rule_ends_its_alerts_and_judges_anew(hot: Any, admin: Any, device: Any, batch: Make) -> None:
    rule = await admin.get_rule(hot.rule_id)
    rule.threshold.limit = 90
    await admin.update_rule(rule.id, rule)
    assert (await admin.alert(state="resolved")).resolved_because == "rule_changed"
    await device.send(batch(1, [system()], temperature=[89]), batch(2, [system() + 1], temperature=[91]))
    assert (await admin.alert()).message == "temperature 91 above 90"


async def test_a_rule_that_is_switched_off_ends_its_alerts(hot: Any, admin: Any) -> None:
    rule = await admin.get_rule(hot.rule_id)
    rule.enabled = False
    await admin.update_rule(rule.id, rule)
    assert (await admin.alert(state="resolved")).resolved_because == "rule_changed"


async def test_alerts_are_listed_by_state_severity_device_and_rule(
    hot: Any, inventory: Any, admin: Any, gateway: Any, batch: Make
) -> None:
    await inventory.deploy(8)
    threshold = rule_pb2.Threshold(metric="load", direction="below", limit=1)
    low = await admin.add_rule(severity="info", threshold=threshold)
    now = system()
    await gateway.send(batch(1, [now], device=8, load=[0.5]))
    await admin.alert(device_id=8)
    assert [alert.device_id for alert in await admin.alerts(severity="critical")] == [7]
    assert [alert.device_id for alert in await admin.alerts(rule_id=low.id)] == [8]
    assert await admin.alerts(state="resolved") == []
    first = await admin.alert_page(page_size=1)
    second = await admin.alert_page(page_size=1, page_token=first.next_page_token)
    assert {alert.device_id for page in (first, second) for alert in page.alerts} == {7, 8}
    assert second.next_page_token == ""


async def test_a_restart_forgets_neither_what_is_open_nor_what_is_pending(
    start: Any, inventory: Any, issuer: Issuer, client: Make, batch: Make
) -> None:
    now = system() - 60_000
    async with start() as channel:
        admin = client(channel, issuer.metadata())
        await inventory.deploy(7)
        await admin.add_rule()
        slow = rule_pb2.Threshold(metric="load", direction="above", limit=1, for_seconds=30)
        await admin.add_rule(name="slow", threshold=slow)
        await admin.send(batch(1, [now], device=7, temperature=[90], load=[2]))
        hot = await admin.alert()
    async with start() as channel:
        admin = client(channel, issuer.metadata())
        await admin.send(batch(1, [now + 29_999], device=7, temperature=[91], load=[2]))
        await admin.send(batch(1, [now + 30_000], device=7, temperature=[20], load=[2]))
        assert (await admin.alert(state="resolved")).id == hot.id
        late = await admin.alert()
        assert (late.metric, late.opened_at.ToMilliseconds()) == ("load", now)
        assert len(await admin.alerts(state="all")) == 2
        assert (await admin.health(7)).latest["temperature"].value == 20


async def test_a_value_unlike_those_before_opens_an_alert(inventory: Any, admin: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    rule = await admin.add_rule(
        name="Odd", kind="abnormal", threshold=None, abnormal=rule_pb2.Abnormal(metric="temperature", warm_up=20)
    )
    assert (rule.abnormal.z_score, rule.abnormal.alpha, rule.abnormal.warm_up) == (4, 0.05, 20)
    now = system() - 100
    await device.send(batch(1, [now + row for row in range(40)], temperature=[20.0, 21.0] * 20))
    await device.send(batch(1, [now + 50], temperature=[35]))
    alert = await admin.alert()
    assert (alert.kind, alert.rule_id, alert.metric, alert.value) == ("abnormal", rule.id, "temperature", 35)
    assert "standard deviations from its mean" in alert.message
    await device.send(batch(1, [now + 60], temperature=[21]))
    assert (await admin.alert(state="resolved")).resolved_because == "condition_cleared"
