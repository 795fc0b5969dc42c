"""The fold, on a real MongoDB: nothing is lost, nothing comes twice, and the numbers are those of a recount."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from servicekit.testing import eventually
from telemetry_svc.clock import system
from telemetry_svc.columns.frame import Frame
from telemetry_svc.columns.rows import Rows
from telemetry_svc.history.fold import chunks_of
from telemetry_svc.history.layout import ENOUGH_ROWS, MOST_ROWS, lay_out
from telemetry_svc.history.segments import Segment
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store

Make = Callable[..., Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folds whatever there is, at once."""
    return settings.model_copy(update={"fold_rows": 1})


async def folded(store: Store) -> bool:
    """Whether nothing is left in the journal."""
    return await store.journal.count_documents({}) == 0


async def every(admin: Any, device_id: int) -> list[tuple[int, dict[str, float]]]:
    """All readings of a device, page by page."""
    found, token = [], ""
    while True:
        page = await admin.page(device_id, page_size=500, page_token=token)
        found += [(one.time.ToMilliseconds(), dict(one.metrics)) for one in page.readings]
        token = page.next_page_token
        if not token:
            return found


async def test_what_is_folded_reads_as_before(inventory: Any, admin: Any, batch: Make, store: Store) -> None:
    await inventory.deploy(7, 71)
    now = system()
    nan = float("nan")
    await admin.send(
        batch(1, [now, now + 1], device=7, temperature=[20.5, nan], load=[nan, 0.25]),
        batch(2, [now + 2], device=71, temperature=[1 / 3]),
    )
    await eventually(lambda: folded(store))
    assert await admin.read(7) == [(now + 1, {"load": 0.25}), (now, {"temperature": 20.5})]
    assert await admin.read(71) == [(now + 2, {"temperature": 1 / 3})]


async def test_late_data_goes_to_where_it_belongs_and_what_comes_again_nowhere(
    inventory: Any, admin: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7)
    start = system() - 2 * ENOUGH_ROWS * 1_000
    for sequence, first in enumerate((ENOUGH_ROWS, 0), start=1):
        rows = range(first, first + ENOUGH_ROWS)
        times = [start + 1_000 * row for row in rows]
        await admin.send(batch(sequence, times, device=7, temperature=[float(row) for row in rows]))
        await eventually(lambda: folded(store))
    # Between, before, behind; and again, with another value.
    odd = [start - 500, start + 1_500, start + 1_000 * 2 * ENOUGH_ROWS]
    await admin.send(batch(1, odd, device=7, temperature=[-1, -2, -3]))
    await admin.send(batch(2, [start, start + 5_000], device=7, temperature=[99, 99]))
    await eventually(lambda: folded(store))
    expected = {start + 1_000 * row: float(row) for row in range(2 * ENOUGH_ROWS)}
    expected |= dict(zip(odd, [-1.0, -2.0, -3.0], strict=True))
    assert [(time, one["temperature"]) for time, one in await every(admin, 7)] == sorted(expected.items(), reverse=True)
    segments = [document async for document in store.segments.find({}, sort=[("_id", 1)])]
    assert sum(one["rows"] for one in segments) == len(expected)
    for one, following in pairwise(segments):
        assert one["to_ms"] < following["_id"]["from_ms"]


async def test_the_numbers_are_those_of_a_recount_after_folds_and_repeats(
    inventory: Any, admin: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7, 8, 72, location="Hall 1")
    random = np.random.default_rng(1)
    now = system()
    expected: dict[tuple[int, int], float] = {}
    for _ in range(10):
        devices = random.choice([7, 8, 72], 50).tolist()
        times = (now - random.integers(0, 200, 50)).tolist()
        values = random.normal(size=50).round(2).tolist()
        for *cell, value in zip(devices, times, values, strict=True):
            expected.setdefault((cell[0], cell[1]), value)
        await admin.send(batch(1, times, device=devices, temperature=values))

    async def counted() -> Any:
        stats = (await admin.stats()).metrics["temperature"]
        return stats if stats.count == len(expected) else None

    stats = await eventually(counted, within=15)
    values = list(expected.values())
    assert (stats.min, stats.max, stats.avg) == (min(values), max(values), pytest.approx(sum(values) / len(values)))
    await eventually(lambda: folded(store))
    assert (await counted()).count == len(expected)
    assert not (await admin.stats(location="Hall 2")).metrics


async def test_a_reader_never_misses_a_reading_nor_sees_it_twice_while_folds_run(
    inventory: Any, admin: Any, gateway: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7)
    start = system() - 100_000
    acknowledged = 0

    async def send() -> None:
        nonlocal acknowledged
        for sequence in range(1, 61):
            times = [start + 10 * sequence + row for row in range(10)]
            await gateway.send(batch(sequence, times, device=7, temperature=[1.0] * 10))
            acknowledged = 10 * sequence

    sending = asyncio.create_task(send())
    while not sending.done():
        least = acknowledged
        found = [time for time, _ in await every(admin, 7)]
        assert len(set(found)) == len(found) >= least
    await sending
    assert await eventually(lambda: folded(store))
    assert len(await every(admin, 7)) == 600


async def test_buckets_hold_what_is_folded_and_what_is_not(inventory: Any, admin: Any, batch: Make) -> None:
    await inventory.deploy(7)
    start = system() // 60_000 * 60_000 - 600_000
    for sequence in range(1, 4):
        times = [start + 20_000 * (3 * sequence + row) for row in range(3)]
        await admin.send(batch(sequence, times, device=7, temperature=[sequence, sequence + 1, sequence + 5]))
    page = await admin.page(7, step=60)
    found = [(one.start_time.ToMilliseconds(), one.metrics["temperature"]) for one in page.buckets]
    assert [time for time, _ in found] == [start + 60_000 * minute for minute in (3, 2, 1)]
    assert [(one.min, one.max, one.avg, one.count) for _, one in found] == [(3, 8, 5, 3), (2, 7, 4, 3), (1, 6, 3, 3)]
    first = await admin.page(7, step=60, page_size=2)
    rest = await admin.page(7, step=60, page_size=2, page_token=first.next_page_token)
    assert [one.start_time for one in (*first.buckets, *rest.buckets)] == [one.start_time for one in page.buckets]
    assert not rest.next_page_token


async def test_a_partition_that_cannot_be_folded_does_not_keep_the_others_from_it(
    inventory: Any, admin: Any, gateway: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7, 8)
    never = {"collMod": store.segments.name, "validator": {"_id.device": {"$ne": 7}}}
    await store.segments.database.command(never)
    now = system()
    # It has most rows, so it is the first that is due, each time.
    await gateway.send(batch(1, [now + row for row in range(50)], device=7, temperature=[1.0] * 50))
    for sequence in range(1, 4):
        await gateway.send(batch(sequence, [now + sequence], device=8, temperature=[2.0]))

    async def alone() -> bool:
        return {one["_id"]["partition"] async for one in store.journal.find({}, ["_id"])} == {7}

    await eventually(alone)
    await store.segments.database.command({**never, "validator": {}})
    await eventually(lambda: folded(store), within=15)
    assert len(await every(admin, 7)) == 50
    assert len(await every(admin, 8)) == 3


def _rows(device: int, times: list[int], value: float = 1.0) -> Rows:
    values = {"a": np.full(len(times), value)}
    return Rows.of(Frame(np.full(len(times), device, np.int32), np.array(times), values, 0))


def _laid_out(rows: Rows, known: list[Segment]) -> list[tuple[int, int, int]]:
    old = {time for segment in known for time in segment.rows.time_ms.tolist()}
    news = np.array([time not in old for time in rows.time_ms.tolist()])
    return [(one.from_ms, one.to_ms, len(one.rows)) for one in lay_out(rows, news, known)]


def test_a_segment_takes_rows_until_it_has_enough_and_is_split_when_it_has_too_many() -> None:
    few, enough = list(range(10)), list(range(ENOUGH_ROWS))
    assert _laid_out(_rows(1, few), []) == [(0, 9, 10)]
    assert _laid_out(_rows(1, [*few, 20]), [Segment(1, 0, _rows(1, few))]) == [(0, 20, 11)]
    full = Segment(1, 0, _rows(1, enough))
    assert _laid_out(_rows(1, [*enough, 900, 901]), [full]) == [(900, 901, 2)]
    assert _laid_out(_rows(1, [-5, *enough]), [full]) == [(-5, -5, 1)]
    many = list(range(2 * MOST_ROWS + 5))
    assert [rows for *_, rows in _laid_out(_rows(1, many), [])] == [MOST_ROWS, MOST_ROWS, 5]


def test_devices_of_different_metrics_do_not_make_each_others_rows_wider() -> None:
    pieces = []
    for kind in range(8):
        device = np.arange(kind, 8_000, 8, dtype=np.int32)
        values = {f"m{kind}_{number}": np.zeros(1_000) for number in range(64)}
        pieces += [Rows.of(Frame(device, np.full(1_000, row), values, 0)) for row in range(20)]
    chunks = list(chunks_of(pieces))
    assert sorted(np.concatenate(chunks).tolist()) == list(range(8_000))
    for chunk in chunks:
        kinds = set((chunk % 8).tolist())
        assert len(chunk) * 20 * 64 * len(kinds) <= 8_000_000
