"""Rows that storage will never take: here the collection has a validator that refuses some, as a real server may."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from servicekit.testing import eventually, refused
from telemetry_svc.clock import system
from telemetry_svc.columns.frame import Frame
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.store import Store

Make = Callable[..., Any]


@pytest.fixture
async def picky(store: Store, clock: Any) -> int:
    """A journal that takes no document in which a row is of a certain time, which comes first; the time."""
    bad_ms = clock() - 7_200_000
    await store.database.command("collMod", store.journal.name, validator={"from_ms": {"$ne": bad_ms}})
    return bad_ms


async def test_the_bad_row_is_refused_and_all_others_of_the_group_are_stored(
    picky: int, inventory: Any, gateway: Any, device: Any, admin: Any, batch: Make
) -> None:
    await inventory.deploy(*range(1, 201))
    others = list(range(1, 201))
    now = system()
    one, another = gateway.stream(), gateway.stream()
    await one.send(
        batch(1, [now] * 200, device=others, temperature=[1.0] * 200),
        batch(2, [now + 1, picky, now + 2], device=[7, 71, 135], temperature=[2, 3, 4], load=[2, 3, 4]),
        batch(3, [picky, now + 3], device=[8, 8], temperature=[5, 6]),
    )
    await another.send(batch(1, [now + 4] * 64, device=list(range(7, 71)), temperature=[7.0] * 64))
    summary = await one.finish()
    assert (summary.committed_sequence, summary.accepted_rows, summary.rejected_rows) == (3, 203, 2)
    assert [(one.reason, one.rows) for one in summary.rejections] == [("NOT_STORABLE", 2)]
    assert (await another.finish()).accepted_rows == 64
    assert await admin.read(71) == [(now, {"temperature": 1})]
    assert [time for time, _ in await admin.read(8)] == [now + 4, now + 3, now]
    assert [time for time, _ in await admin.read(135)] == [now + 2, now]

    async def seen() -> bool:
        return (await admin.health(135)).latest["temperature"].value == 4

    # Those who watch have seen what was stored apart.
    await eventually(seen)
    assert (await device.send(batch(1, [now + 9], temperature=[9]))).accepted_rows == 1


async def test_a_group_of_which_nothing_can_be_stored_is_passed_over_whole(
    picky: int, inventory: Any, gateway: Any, admin: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(*range(1, 11))
    rows = 3_000
    devices = [1 + row % 10 for row in range(rows)]
    summary = await asyncio.wait_for(
        gateway.send(batch(1, [picky] * rows, device=devices, temperature=[1.0] * rows)), 30
    )
    assert (summary.committed_sequence, summary.accepted_rows, summary.rejected_rows) == (1, 0, rows)
    assert await store.journal.count_documents({}) == 0
    assert (await gateway.send(batch(2, [picky + 1], device=7, temperature=[1]))).accepted_rows == 1


async def test_a_single_reading_that_can_never_be_stored_is_refused_with_that_reason(
    picky: int, inventory: Any, admin: Any
) -> None:
    await inventory.deploy(7)
    time = {"seconds": picky // 1000, "nanos": picky % 1000 * 1_000_000}
    no = await refused(admin.create(7, {"temperature": 1}, time=time))
    assert (no.code, no.reason) == ("INVALID_ARGUMENT", "NOT_STORABLE")


async def test_what_is_more_than_a_document_can_hold_is_told_apart_from_what_is_not(store: Store) -> None:
    journal = Journal(store.journal, patience_seconds=30)
    large, small = 1_100_000, 10  # of 16 bytes each
    device = np.concatenate([np.full(large, 1), np.full(small, 2)]).astype(np.int32)
    frame = Frame(device, np.arange(len(device)), {"a": np.full(len(device), 1 / 3)}, 1_000)
    never = await journal.append(1, [frame])
    assert list(never) == [1]
    assert "bytes" in never[1]
    assert [document["rows"] async for document in store.journal.find({})] == [small]
