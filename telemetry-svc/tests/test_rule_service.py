"""Rules, as those who keep them see them."""

from typing import Any

import grpc
import pytest

from fieldstock.telemetry.v1 import rule_pb2
from telemetry_svc.app import migrate
from telemetry_svc.settings import Settings

INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def refused(call: Any, code: grpc.StatusCode, reason: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    assert (error.value.code(), reason in str(error.value.trailing_metadata())) == (code, True)
    return error.value.details() or ""


def threshold(**fields: Any) -> rule_pb2.Threshold:
    return rule_pb2.Threshold(**{"metric": "temperature", "direction": "above", "limit": 85, **fields})


async def test_every_fleet_begins_with_a_rule_for_devices_that_are_offline(admin: Any) -> None:
    (rule,) = await admin.rules()
    assert (rule.id, rule.kind, rule.severity, rule.enabled, rule.version) == ("offline", "offline", "warning", True, 1)


async def test_who_deletes_the_first_rule_does_not_find_it_again(admin: Any, settings: Settings) -> None:
    await admin.delete_rule("offline")
    await migrate(settings)
    assert await admin.rules() == []


async def test_a_rule_is_read_as_it_was_made(admin: Any) -> None:
    made = await admin.add_rule(device_type="pump", threshold=threshold(clear_limit=80, for_seconds=30))
    assert made.id
    assert made.version == 1
    assert made.threshold == threshold(clear_limit=80, for_seconds=30)
    assert await admin.get_rule(made.id) == made


async def test_a_change_replaces_the_rule_and_counts_its_version_up(admin: Any) -> None:
    made = await admin.add_rule()
    made.name, made.severity = "Very hot", "info"
    changed = await admin.update_rule(made.id, made)
    assert (changed.name, changed.severity, changed.version) == ("Very hot", "info", 2)
    assert changed.created_at == made.created_at
    stale = await refused(admin.update_rule(made.id, made), grpc.StatusCode.ABORTED, "STALE_VERSION")
    assert "version 2" in stale
    made.version = 0
    assert (await admin.update_rule(made.id, made)).version == 3


async def test_a_name_is_text_whatever_is_in_it(admin: Any) -> None:
    made = await admin.add_rule(name="$hot")
    made.name = "$$ROOT"
    assert (await admin.update_rule(made.id, made)).name == "$$ROOT"


async def test_rules_that_are_not_there_are_not_found(admin: Any) -> None:
    made = await admin.add_rule()
    await admin.delete_rule(made.id)
    for call in (admin.get_rule(made.id), admin.delete_rule(made.id), admin.update_rule("nothing", made)):
        await refused(call, grpc.StatusCode.NOT_FOUND, "RULE_NOT_FOUND")


async def test_rules_come_in_pages(admin: Any) -> None:
    for number in range(4):
        await admin.add_rule(name=f"rule {number}")
    assert len(await admin.rules(page_size=3)) == 3
    assert len(await admin.rules()) == 5


@pytest.mark.parametrize(
    "field, wrong",
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 101}),
        ("kind", {"kind": "guess"}),
        ("kind", {"kind": ""}),
        ("severity", {"severity": "loud"}),
        ("device_id", {"device_id": -1}),
        ("threshold", {"kind": "offline"}),
        ("threshold.metric", {"threshold": threshold(metric="Temp")}),
        ("threshold.direction", {"threshold": threshold(direction="sideways")}),
        ("threshold.limit", {"threshold": threshold(limit=float("nan"))}),
        ("threshold.limit", {"threshold": threshold(clear_limit=float("inf"))}),
        ("threshold.clear_limit", {"threshold": threshold(clear_limit=86)}),
        ("threshold.clear_limit", {"threshold": threshold(direction="below", clear_limit=84)}),
        ("threshold.for_seconds", {"threshold": threshold(for_seconds=-1)}),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(admin: Any, field: str, wrong: dict[str, Any]) -> None:
    assert field in await refused(admin.add_rule(**wrong), INVALID, "INVALID_FIELD")
    assert len(await admin.rules()) == 1


async def test_only_an_admin_keeps_the_rules(viewer: Any) -> None:
    assert len(await viewer.rules()) == 1
    await refused(viewer.add_rule(), grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
