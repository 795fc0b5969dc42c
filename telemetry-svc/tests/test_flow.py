"""The way of a reading, from its device to whoever looks."""

from typing import Any

from fieldstock.telemetry.v1 import reading_pb2
from telemetry_svc.clock import system


def one(sequence: int, time_ms: int, temperature: float) -> Any:
    return reading_pb2.ReadingBatch(
        sequence=sequence, time_ms=[time_ms], series=[reading_pb2.Series(metric="temperature", values=[temperature])]
    )


async def test_a_reading_is_read_back_as_soon_as_it_is_acknowledged(inventory: Any, device: Any) -> None:
    await inventory.deploy(7)
    now = system()
    summary = await device.send(one(1, now, 21.5), one(2, now + 1, 22.5))
    assert (summary.committed_sequence, summary.accepted_rows, summary.rejected_rows) == (2, 2, 0)
    assert await device.read(7) == [(now + 1, {"temperature": 22.5}), (now, {"temperature": 21.5})]


async def test_a_reading_beyond_the_limit_opens_an_alert_and_one_back_resolves_it(
    inventory: Any, device: Any, admin: Any
) -> None:
    await inventory.deploy(7)
    rule = await admin.add_rule()
    now = system()
    await device.send(one(1, now, 91.25))
    alert = await admin.alert(device_id=7)
    assert alert.rule_id == rule.id
    assert alert.message == "temperature 91.25 above 85"
    await device.send(one(1, now + 1, 20))
    resolved = await admin.alert(device_id=7, state="resolved")
    assert (resolved.id, resolved.resolved_because, resolved.version) == (alert.id, "condition_cleared", 2)
