"""The journal, on a real MongoDB."""

from collections.abc import Collection

import numpy as np
import pytest

from telemetry_svc.clock import moment
from telemetry_svc.columns.frame import Frame
from telemetry_svc.ingest.journal import Entry, Journal, NotStored
from telemetry_svc.ingest.raw import FEW_DEVICES, has_any
from telemetry_svc.store import Store, connect, migrate


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


async def within(journal: Journal, partition: int, from_ms: int = 0, to_ms: int = 10**12) -> list[Entry]:
    everybody = range(partition, 64 * FEW_DEVICES + 64, 64)
    found = await having(journal, partition, everybody, from_ms, to_ms)
    # Also where each device is looked for.
    assert rows(await having(journal, partition, everybody[:2], from_ms, to_ms)) == rows(found)
    return found


async def having(
    journal: Journal, partition: int, devices: Collection[int], from_ms: int = 0, to_ms: int = 10**12
) -> list[Entry]:
    return [entry async for some, _ in journal.within(partition, devices, from_ms, to_ms) for entry in some]


async def test_a_group_comes_back_by_partition_as_it_was(journal: Journal) -> None:
    await journal.append(1, [frame([1, 2, 65], [10, 20, 30]), frame([1], [40])])
    (entry,) = await within(journal, 1)
    assert rows([entry]) == [(1, 10), (65, 30), (1, 40)]
    assert (entry.partition, entry.group, entry.received_ms, len(entry)) == (1, (journal.writer, 1), 1_000, 3)
    assert rows(await within(journal, 2)) == [(2, 20)]
    assert await within(journal, 3) == []


async def test_only_entries_that_reach_into_the_range_are_read(journal: Journal) -> None:
    for group, times in enumerate(([10, 100], [20, 30], [50, 60]), start=1):
        await journal.append(group, [frame([1, 1], times)])
    assert [entry.group[1] for entry in await within(journal, 1, from_ms=31, to_ms=49)] == [1]
    assert [entry.group[1] for entry in await within(journal, 1, from_ms=30, to_ms=50)] == [1, 2, 3]


async def test_of_the_entries_those_are_read_that_have_rows_of_the_devices(journal: Journal) -> None:
    for group, devices in enumerate(([64_001, 64_065], [64_129], [64_065, 70_401]), start=1):
        await journal.append(group, [frame(devices, [10] * len(devices))])
    assert [entry.group[1] for entry in await having(journal, 1, [64_065])] == [1, 3]
    assert [entry.group[1] for entry in await having(journal, 1, [64_129, 70_401])] == [2, 3]
    assert await having(journal, 1, [64_193]) == []
    assert await having(journal, 1, [1]) == [], "the partition is no device"
    looked_at = [size async for _, size in journal.within(1, [64_193], 0, 100)]
    assert sum(looked_at) > 300, "what was looked at counts, not what was found"


class _Counting(bytes):
    """Knows how many of its bytes were looked at, at most, for something of a device's length."""

    looked_at = 0

    def find(self, sought: bytes, start: int = 0, end: int | None = None) -> int:
        if len(sought) == 4:
            self.looked_at += max(0, (len(self) if end is None else end) - start)
        return super().find(sought, start, end)


async def test_values_that_look_like_a_column_of_devices_hide_nothing(journal: Journal) -> None:
    devices, times = np.array([64_001, 64_001], np.int32), np.array([10, 20], np.int64)
    behind = Frame(np.array([64_065], np.int32), times[:1], {"y": np.array([1 / 3])}, received_ms=1_000)
    for length in range(1, 100):
        looks_like_it = np.frombuffer(b"\5device\0" + length.to_bytes(8, "little"))
        await journal.append(length, [Frame(devices, times, {"x": looks_like_it}, received_ms=1_000), behind])
    assert len(await having(journal, 1, [64_065])) == 99


def test_nor_do_they_make_looking_at_them_any_dearer() -> None:
    fake = b"\5device\0" + (2**31 - 1).to_bytes(8, "little")
    looks = _Counting(b"\5device\0\4\0\0\0\0" + bytes(4) + fake * 1_000)
    assert not has_any(looks, [b"none"])
    assert looks.looked_at < 3 * len(looks)


async def test_what_was_stored_before_the_answer_got_lost_is_recognised(journal: Journal, store: Store) -> None:
    whole = frame([1, 2, 3], [10, 20, 30])
    await journal.append(1, [whole])
    await store.journal.delete_one({"_id.partition": 2})  # as if only a part had been stored
    await journal.append(1, [whole])
    assert await store.journal.count_documents({}) == 3
    assert rows(await within(journal, 2)) == [(2, 20)]


async def test_two_writers_never_take_each_others_groups_for_their_own(journal: Journal, store: Store) -> None:
    await journal.append(1, [frame([1], [10])])
    await Journal(store.journal, patience_seconds=5).append(1, [frame([1], [20])])
    assert sorted(rows(await within(journal, 1))) == [(1, 10), (1, 20)]


async def test_the_oldest_entries_come_in_the_order_of_receipt_as_many_as_are_asked_for(journal: Journal) -> None:
    for group, received_ms in enumerate((3_000, 1_000, 2_000), start=1):
        await journal.append(group, [frame([1, 1, 2], [10, 20, 30], received_ms)])
    entries, left = await journal.oldest(1, most_rows=3)
    assert ([entry.received_ms for entry in entries], left) == ([1_000, 2_000], 1)
    others = [entry.received_ms async for entry in journal.but(1, {(journal.writer, 3)})]
    assert others == [1_000, 3_000]


async def test_what_anybody_stores_of_a_partition_is_heard_of_in_its_order(journal: Journal, store: Store) -> None:
    other = Journal(store.journal, patience_seconds=5)

    async def append() -> None:
        await journal.append(1, [frame([1, 2], [10, 10])])
        await other.append(1, [frame([1], [20])])
        await journal.append(2, [frame([2, 65], [30, 30])])

    heard: list[Entry] = []
    async for entries in journal.news([1], append):
        heard += entries
        if len(heard) == 3:
            break
    assert rows(heard) == [(1, 10), (1, 20), (65, 30)]
    assert [entry.group for entry in heard] == [(journal.writer, 1), (other.writer, 1), (journal.writer, 2)]


async def test_exactly_those_that_were_named_are_removed(journal: Journal, store: Store) -> None:
    await journal.append(1, [frame([1, 2], [10, 20])])
    await journal.append(2, [frame([1], [30])])
    first = (await within(journal, 1))[:1]
    async with store.database.client.start_session() as session:
        await journal.remove(first, session)
    assert rows(await within(journal, 1)) == [(1, 30)]
    assert rows(await within(journal, 2)) == [(2, 20)]


async def test_the_rank_of_an_entry_is_its_receipt_then_its_id(journal: Journal) -> None:
    await journal.append(1, [frame([1], [10], received_ms=2_000)])
    await journal.append(2, [frame([1], [10], received_ms=1_000)])
    first, second = sorted(await within(journal, 1), key=lambda entry: entry.rank)
    assert (first.received_ms, second.received_ms) == (1_000, 2_000)


async def test_a_group_that_cannot_be_stored_in_time_has_failed() -> None:
    async with connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50", "test") as client:
        store = Store(client.get_default_database("nowhere"))
        with pytest.raises(NotStored):
            await Journal(store.journal, patience_seconds=0.2).append(1, [frame([1], [10])])


async def test_entries_of_the_first_release_are_found(journal: Journal, store: Store) -> None:
    await store.journal.create_index([("received_at", 1)], name="expiry", expireAfterSeconds=86_400)
    writer, group = b"w" * 16, 3
    old = {"_id": {"writer": writer, "group": group, "partition": 1}, "partition": 1, "from_ms": 10, "to_ms": 20}
    whole = frame([1, 65], [10, 20])
    content = {
        "metrics": list(whole.values),
        "device": whole.device.tobytes(),
        "time_ms": whole.time_ms.tobytes(),
        "values": [column.tobytes() for column in whole.values.values()],
    }
    await store.journal.insert_one({**old, "received_at": moment(1_000), "frames": [content]})
    await migrate(store)
    ((entry,), left) = await journal.oldest(1, 100)
    assert (rows([entry]), entry.group, len(entry), left) == ([(1, 10), (65, 20)], (writer, group), 2, 0)
    assert "expiry" not in await store.journal.index_information()
