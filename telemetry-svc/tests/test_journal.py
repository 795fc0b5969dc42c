"""The journal, on a real MongoDB."""

import numpy as np
import pytest

from telemetry_svc.columns.frame import Frame
from telemetry_svc.ingest.journal import Entry, Journal, NotStored
from telemetry_svc.store import Store, connect


def frame(devices: list[int], times: list[int], received_ms: int = 1_000) -> Frame:
    values = {"temperature": np.arange(len(devices), dtype=float)}
    return Frame(np.array(devices, np.int32), np.array(times, np.int64), values, received_ms)


def rows(entries: list[Entry]) -> list[tuple[int, int]]:
    """(device, time) of all rows."""
    return [
        row
        for entry in entries
        for one in entry.frames
        for row in zip(one.device.tolist(), one.time_ms.tolist(), strict=True)
    ]


@pytest.fixture
def journal(store: Store) -> Journal:
    return Journal(store.journal, patience_seconds=5)


async def newest(journal: Journal, partition: int, from_ms: int = 0, to_ms: int = 10**12) -> list[Entry]:
    return [entry async for entry in journal.newest_first(partition, from_ms, to_ms)]


async def test_a_group_comes_back_by_partition_as_it_was(journal: Journal) -> None:
    await journal.append(1, [frame([1, 2, 65], [10, 20, 30]), frame([1], [40])])
    (entry,) = await newest(journal, 1)
    assert rows([entry]) == [(1, 10), (65, 30), (1, 40)]
    assert (entry.from_ms, entry.to_ms, entry.received_ms) == (10, 40, 1_000)
    assert rows(await newest(journal, 2)) == [(2, 20)]
    assert await newest(journal, 3) == []


async def test_entries_come_newest_first_and_only_those_that_reach_into_the_range(journal: Journal) -> None:
    for group, times in enumerate(([10, 100], [20, 30], [50, 60]), start=1):
        await journal.append(group, [frame([1, 1], times)])
    assert [entry.to_ms for entry in await newest(journal, 1)] == [100, 60, 30]
    assert [entry.to_ms for entry in await newest(journal, 1, from_ms=31, to_ms=49)] == [100]
    assert [entry.to_ms for entry in await newest(journal, 1, from_ms=30, to_ms=50)] == [100, 60, 30]


async def test_what_was_stored_before_the_answer_got_lost_is_recognised(journal: Journal, store: Store) -> None:
    whole = frame([1, 2, 3], [10, 20, 30])
    await journal.append(1, [whole])
    await store.journal.delete_one({"partition": 2})  # as if only a part had been stored
    await journal.append(1, [whole])
    assert await store.journal.count_documents({}) == 3
    assert rows(await newest(journal, 2)) == [(2, 20)]


async def test_two_writers_never_take_each_others_groups_for_their_own(journal: Journal, store: Store) -> None:
    await journal.append(1, [frame([1], [10])])
    await Journal(store.journal, patience_seconds=5).append(1, [frame([1], [20])])
    assert rows(await newest(journal, 1)) == [(1, 20), (1, 10)]


async def test_a_replay_begins_where_it_is_told_and_keeps_the_order_of_receipt(journal: Journal) -> None:
    for group, received_ms in enumerate((1_000, 2_000, 3_000), start=1):
        await journal.append(group, [frame([1, 2], [5_000 - received_ms] * 2, received_ms)])
    assert [entry.received_ms async for entry in journal.since(2_000)] == [2_000, 2_000, 3_000, 3_000]


async def test_the_rank_of_an_entry_is_its_receipt_then_its_id(journal: Journal) -> None:
    await journal.append(1, [frame([1], [10], received_ms=2_000)])
    await journal.append(2, [frame([1], [10], received_ms=1_000)])
    first, second = sorted(await newest(journal, 1), key=lambda entry: entry.rank)
    assert (first.received_ms, second.received_ms) == (1_000, 2_000)


async def test_a_group_that_cannot_be_stored_in_time_has_failed() -> None:
    async with connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50", "test") as client:
        store = Store(client.get_default_database("nowhere"))
        with pytest.raises(NotStored):
            await Journal(store.journal, patience_seconds=0.2).append(1, [frame([1], [10])])
