"""When the server had a reading: it is kept, shown, and decides which of two contradicting readings there is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from servicekit.testing import eventually
from telemetry_svc.clock import system
from telemetry_svc.columns.frame import Frame
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store

Make = Callable[..., Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folds whatever there is, at once."""
    return settings.model_copy(update={"fold_rows": 1})


async def all_folded(store: Store) -> None:
    async def so() -> bool:
        return await store.journal.count_documents({}) == 0

    await eventually(so, within=30)


async def receipts(admin: Any, device_id: int = 7) -> list[int | None]:
    """When the device's readings were received, newest first."""
    page = await admin.page(device_id)
    return [one.received_at.ToMilliseconds() if one.HasField("received_at") else None for one in page.readings]


async def stored(store: Store, time_ms: int, value: float, received_ms: int) -> None:
    """As if another replica had received it then, and came to store it only now."""
    values = {"temperature": np.array([value])}
    frame = Frame(np.array([7], np.int32), np.array([time_ms]), values, received_ms)
    await Journal(store.journal, patience_seconds=10).append(1, [frame])


async def test_when_a_reading_was_received_is_told_alike_before_and_after_the_fold(
    inventory: Any, admin: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7)
    sent = []
    for sequence, ago_ms in enumerate((3_600_000, 50, 10), start=1):
        before = system()
        await admin.send(batch(sequence, [before - ago_ms], device=7, temperature=[float(sequence)]))
        sent.append((before, system()))
    at_once = await receipts(admin)
    for received_ms, (before, after) in zip(at_once, reversed(sent), strict=True):
        assert received_ms is not None
        assert before <= received_ms <= after
    await all_folded(store)
    assert await receipts(admin) == at_once
    many = (await admin.readings(start_time=(await admin.page(7)).readings[-1].time)).readings
    assert [one.received_at.ToMilliseconds() for one in many] == at_once


async def test_what_was_received_first_is_the_reading_though_the_other_one_was_folded_before_it(
    inventory: Any, admin: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7)
    now = system()
    await admin.send(batch(1, [now, now + 1], device=7, temperature=[20.0, 30.0]))
    await all_folded(store)
    _, received_ms = await receipts(admin)
    assert received_ms is not None
    await stored(store, now, 99.0, received_ms - 1)
    await stored(store, now + 1, 99.0, received_ms + 1)
    expected = [(now + 1, {"temperature": 30.0}), (now, {"temperature": 99.0})]
    assert await admin.read(7) == expected
    # A fold takes up whatever is stored of the partition.
    await admin.send(batch(2, [now - 1], device=7, load=[1.0]))
    await all_folded(store)
    assert await admin.read(7) == [*expected, (now - 1, {"load": 1.0})]
    assert (await receipts(admin))[:2] == [received_ms, received_ms - 1]
    assert (await admin.stats()).metrics["temperature"].count == 2


async def test_segments_of_before_receipts_were_kept_take_rows_that_have_them(
    inventory: Any, admin: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7)
    now = system()
    await admin.send(batch(1, [now], device=7, temperature=[20.0]))
    await all_folded(store)
    await store.segments.update_many({}, {"$unset": {"received": ""}})
    assert await receipts(admin) == [None]
    await admin.send(batch(2, [now, now + 1], device=7, temperature=[99.0, 21.0]))
    await all_folded(store)
    assert await admin.read(7) == [(now + 1, {"temperature": 21.0}), (now, {"temperature": 20.0})]
    newest, oldest = await receipts(admin)
    assert newest is not None
    assert newest >= now
    assert oldest is None
    assert await store.segments.count_documents({}) == 1
