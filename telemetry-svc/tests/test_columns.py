"""Columns packed, merged and counted: what goes in comes out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from telemetry_svc.columns.frame import Frame
from telemetry_svc.columns.merge import Merged, merge
from telemetry_svc.columns.packing import pack_floats, pack_ints, unpack_floats, unpack_ints
from telemetry_svc.columns.rows import UNKNOWN, Rows
from telemetry_svc.columns.tally import Tally

NAN = float("nan")


def rows(times: list[int], received_ms: int, **values: list[float]) -> Rows:
    """Of device 1, all received at once."""
    columns = {metric: np.array(column, float) for metric, column in values.items()}
    return Rows.of(Frame(np.ones(len(times), np.int32), np.array(times, np.int64), columns, received_ms))


def packed(pack: Callable[..., list[bytes]], column: np.ndarray) -> tuple[bytes, int]:
    """A column as a single run, and its length."""
    return pack(column, np.array([0]))[0], len(column)


def cells(merged: Rows) -> dict[tuple[int, int, str], float]:
    return {
        (device, time_ms, metric): value
        for metric, column in merged.values.items()
        for device, time_ms, value in zip(merged.device.tolist(), merged.time_ms.tolist(), column.tolist(), strict=True)
        if value == value
    }


@pytest.mark.parametrize(
    "values",
    [
        [7],
        [5] * 100,
        list(range(0, 60_000_000, 60_000)),
        [1_700_000_000_000 + 60_000 * n + n % 7 for n in range(300)],
        [-(2**61), 2**61, 0],
        [3, 1, 2],
    ],
)
def test_integers_come_back(values: list[int]) -> None:
    column = np.array(values, np.int64)
    assert unpack_ints(*packed(pack_ints, column)).tolist() == values


@pytest.mark.parametrize(
    "values",
    [
        [21.5, 21.6, NAN, 21.4],
        [NAN],
        [-0.0, 0.0, 1.5],
        [0.1 + 0.2, 1 / 3],
        [1.0, 2.5, 3.0, 4.5, 5.0],
        [1e300, -1e300, 5e-324],
        [20.0] * 50,
        [round(20 + 0.1 * n, 1) for n in range(256)],
        [1e15 + 0.5, 1.25],
    ],
)
def test_floats_come_back_bit_by_bit(values: list[float]) -> None:
    column = np.array(values, float)
    back = unpack_floats(*packed(pack_floats, column))
    assert back[~np.isnan(column)].tobytes() == column[~np.isnan(column)].tobytes()
    assert np.isnan(back).tolist() == np.isnan(column).tolist()


def test_a_sensors_column_takes_two_bytes_a_value() -> None:
    values = np.random.default_rng(1).normal(20, 5, 256).round(1)
    assert len(packed(pack_floats, values)[0]) < 2.2 * len(values)
    assert len(packed(pack_ints, np.arange(256, dtype=np.int64) * 60_000)[0]) < 30


@pytest.mark.parametrize("seed", range(20))
def test_runs_are_packed_as_if_each_were_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    starts, column = [], np.empty(0)
    for length in random.integers(1, 40, 30).tolist():
        run = random.normal(0, 10.0 ** random.integers(-3, 18), length).round(int(random.integers(0, 9)))
        run[random.random(length) < random.choice([0, 0, 0.5, 1])] = NAN
        run[random.random(length) < random.choice([0, 0, 0.2])] = -0.0
        starts, column = [*starts, len(column)], np.concatenate([column, run])
    runs = np.split(column, starts[1:])
    together = pack_floats(column, np.array(starts))
    assert together == [packed(pack_floats, run)[0] for run in runs]
    for run, one in zip(runs, together, strict=True):
        assert unpack_floats(one, len(run))[~np.isnan(run)].tobytes() == run[~np.isnan(run)].tobytes()
    integers = np.nan_to_num(column).clip(-1e17, 1e17).astype(np.int64)
    assert pack_ints(integers, np.array(starts)) == [
        packed(pack_ints, run)[0] for run in np.split(integers, starts[1:])
    ]


@pytest.mark.parametrize("seed", range(20))
def test_merging_keeps_the_first_received_of_every_cell_and_knows_what_is_fresh(seed: int) -> None:
    random = np.random.default_rng(seed)
    pieces: list[Rows] = []
    # By cell: when it was received, and its value.
    found: dict[tuple[int, int, str], list[tuple[int, float]]] = {}
    before: set[tuple[int, int, str]] = set()
    for number in range(6):
        size = int(random.integers(1, 40))
        keys = random.permutation(60)[:size]
        values = {
            str(metric): np.where(random.random(size) < 0.3, NAN, random.integers(0, 9, size))
            for metric in random.choice(["a", "b", "c"], int(random.integers(1, 4)), replace=False)
        }
        if number == 0:
            # What was there before has every row once, each received at its own time.
            received = random.integers(0, 8, size)
        else:
            keys, received = random.integers(0, 60, size), np.full(size, random.integers(0, 8))
        one = Rows((keys // 20).astype(np.int32), keys % 20, values, received)
        pieces.append(one)
        for metric, column in values.items():
            for key, when, value in zip(keys.tolist(), received.tolist(), column.tolist(), strict=True):
                if value == value:
                    found.setdefault((key // 20, key % 20, metric), []).append((when, value))
                    if number == 0:
                        before.add((key // 20, key % 20, metric))
    merged = merge(pieces, old=1)
    # Sorting is stable: of one moment the first piece comes first.
    expected = {cell: sorted(values, key=lambda value: value[0])[0][1] for cell, values in found.items()}
    assert cells(merged.rows) == expected
    fresh = {metric: np.where(mask, merged.rows.values[metric], NAN) for metric, mask in merged.fresh.items()}
    assert set(cells(replace(merged.rows, values=fresh))) == set(expected) - before
    assert _times(merged) == sorted(set(_times(merged)))
    assert merged.repeated == sum(len(values) - 1 for values in found.values())
    # What is no news is as it was.
    old = {key: row for row, key in enumerate(zip(pieces[0].device.tolist(), pieces[0].time_ms.tolist(), strict=True))}
    for row in np.flatnonzero(~merged.news).tolist():
        was = old[_times(merged)[row]]
        assert merged.rows.received_ms[row] == pieces[0].received_ms[was]
        for metric, column in merged.rows.values.items():
            there = pieces[0].values[metric][was] if metric in pieces[0].values else NAN
            assert column[row] == there or (np.isnan(column[row]) and np.isnan(there))


def _times(merged: Merged) -> list[tuple[int, int]]:
    return list(zip(merged.rows.device.tolist(), merged.rows.time_ms.tolist(), strict=True))


def test_what_came_again_is_counted_and_so_is_what_contradicts() -> None:
    merged = merge([rows([1, 2], 1, a=[5, 6]), rows([2, 1], 2, a=[6, 7])])
    assert (merged.repeated, merged.conflicting) == (2, 1)


def test_what_was_received_earlier_takes_the_place_of_what_was_there_and_is_not_fresh() -> None:
    merged = merge(
        [rows([1, 2, 3], 50, a=[1, 2, 3]), rows([1], 49, a=[9]), rows([2], 50, a=[9]), rows([4], 51, a=[4])], 1
    )
    assert merged.rows.values["a"].tolist() == [9, 2, 3, 4]
    assert merged.rows.received_ms.tolist() == [49, 50, 50, 51]
    assert merged.fresh["a"].tolist() == [False, False, False, True]
    assert merged.news.tolist() == [True, False, False, True]


def test_nothing_is_earlier_than_what_was_there_when_nobody_noted_it() -> None:
    merged = merge([rows([1], UNKNOWN, a=[1]), rows([1], 1, a=[9], b=[2])], 1)
    assert {metric: column.tolist() for metric, column in merged.rows.values.items()} == {"a": [1], "b": [2]}
    assert merged.rows.received_ms.tolist() == [UNKNOWN]


def _table(tally: Tally) -> list[tuple[object, ...]]:
    names = [tally.places[one] for one in tally.place.tolist()], [tally.metrics[one] for one in tally.metric.tolist()]
    numbers = (column.tolist() for column in (tally.minute, tally.count, tally.least, tally.most, tally.total))
    return sorted(zip(*names, *numbers, strict=True))


@pytest.mark.parametrize("step_ms", [10, 3_600_000])
def test_a_tally_is_what_a_recount_gives(step_ms: int) -> None:
    random = np.random.default_rng(1)
    device = random.integers(1, 50, 1_000).astype(np.int32)
    time_ms = 1_700_000_000_000 + np.arange(1_000) * step_ms
    values = random.normal(size=1_000)
    frames = [Frame(device[part], time_ms[part], {"a": values[part]}, 0) for part in (slice(0, 300), slice(300, None))]
    place_of = np.arange(50, dtype=np.int32) % 3
    tallies = [Tally.of(one, {"a": np.ones(len(one), bool)}, place_of) for one in frames]
    whole = Tally.together(tallies).renamed(lambda place: ("sensor", f"hall {place}"))
    for kept in (whole.to_binary(), whole.to_packed()):
        assert _table(Tally.from_binary(kept)) == _table(whole)
    whole = Tally.from_binary(whole.to_packed())
    numbers = whole.at(lambda place: place[1] == "hall 2").numbers()["a"]
    expected = values[place_of[device] == 2]
    assert (numbers.count, numbers.least, numbers.most) == (len(expected), expected.min(), expected.max())
    assert numbers.total == pytest.approx(expected.sum())
    hours = whole.whole_hours()
    assert int(hours.count.sum()) == 1_000
    assert set((hours.minute % 60).tolist()) == {0}
    assert sum(len(part) for _, part in whole.hours()) == len(whole)


@pytest.mark.parametrize("left_out", [0.0, 0.3])
def test_values_in_a_row_count_as_scattered_ones_do(left_out: float) -> None:
    random = np.random.default_rng(2)
    frame = Frame(
        np.repeat(np.arange(1, 11, dtype=np.int32), 200),
        1_700_000_000_000 + np.tile(np.arange(200), 10) * 1_000,
        {"a": random.normal(size=2_000), "b": random.normal(size=2_000)},
        0,
    )
    cells = {metric: random.random(2_000) >= left_out for metric in frame.values}
    place_of = np.arange(11, dtype=np.int32) * 1_000_000
    mixed = random.permutation(2_000)
    in_a_row, scattered = (
        Tally.of(frame.take(order), {metric: mask[order] for metric, mask in cells.items()}, place_of)
        for order in (np.arange(2_000), mixed)
    )
    for one, other in zip(_table(in_a_row), _table(scattered), strict=True):
        assert one[:6] == other[:6]
        assert one[6] == pytest.approx(other[6])
