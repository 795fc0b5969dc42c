"""Frames in few bytes: by partition, and back as they were."""

from typing import Any

import numpy as np
import pytest

from telemetry_svc.columns.frame import PARTITIONS, Frame, partition_of
from telemetry_svc.columns.narrow import Narrow, frame_of, joined, layout_of, rows_joined, rows_of

NAN = float("nan")
NOON_MS = 1_700_000_000_000


def frame(times: Any, **values: Any) -> Frame:
    """Of device 7, received at 5."""
    columns = {metric: np.array(column, float) for metric, column in values.items()}
    return Frame(np.full(len(times), 7, np.int32), np.array(times, np.int64), columns, received_ms=5)


def same(one: Frame, other: Frame) -> bool:
    """Bit by bit; but for NaN, which is a gap whatever its bits."""
    return (
        one.device.tolist() == other.device.tolist()
        and one.time_ms.tolist() == other.time_ms.tolist()
        and list(one.values) == list(other.values)
        and all(
            np.array_equal(column, other.values[metric], equal_nan=True)
            and np.array_equal(np.signbit(column), np.signbit(other.values[metric]))
            for metric, column in one.values.items()
        )
        and one.received_ms == other.received_ms
    )


def test_partitions_hold_every_row_once_in_its_order() -> None:
    random = np.random.default_rng(1)
    whole = Frame(
        random.integers(1, 1_000, 5_000).astype(np.int32),
        random.integers(NOON_MS, NOON_MS + 10_000, 5_000),
        {"temperature": random.normal(size=5_000), "humidity": random.normal(size=5_000).round(1)},
        received_ms=5,
    )
    seen = 0
    parts = list(Narrow.of(whole).parts())
    for part in parts:
        mine = whole.take(whole.device % PARTITIONS == part.partition)
        assert same(frame_of(part.columns, 5), mine)
        assert (part.from_ms, part.to_ms) == (mine.time_ms.min(), mine.time_ms.max())
        assert {partition_of(device) for device in mine.device.tolist()} == {part.partition}
        assert part.rows == rows_of(part.columns) == len(mine)
        seen += part.rows
    assert seen == len(whole)
    again = [whole.take(whole.device % PARTITIONS == part.partition) for part in parts]
    assert frame_of(joined([part.columns for part in parts]), 5).time_ms.tolist() == [
        time_ms for one in again for time_ms in one.time_ms.tolist()
    ]


@pytest.mark.parametrize(
    ("column", "width"),
    [
        ([21.5, 21.6, -3.2], 2),
        ([1.0, 2.0, 3.0], 2),
        ([3276.7, -3276.8], 2),
        ([3276.8, 0.1], 4),
        ([0.25, 0.123456], 4),
        ([21.0] * 100 + [21.5], 2),  # one of those that are not asked first
        ([21.5] * 100 + [1 / 3], 8),
        ([1 / 3, 0.5], 8),
        ([0.0, -0.0], 8),
        ([21.5, NAN], 8),
        ([NAN], 8),
        ([1e300, -1e300], 8),
        ([214748364.8], 8),
    ],
)
def test_values_take_as_few_bytes_as_they_can_and_come_back_bit_by_bit(column: list[float], width: int) -> None:
    before = frame(range(len(column)), metric=column, other=[0.5] * len(column))
    columns = Narrow.of(before).to_binary()
    assert [len(one) for one in columns["values"]] == [width * len(column), 2 * len(column)]
    assert same(frame_of(columns, 5), before)


@pytest.mark.parametrize(
    ("times", "width"),
    [
        ([NOON_MS], 4),
        ([NOON_MS + 2**32 - 1, NOON_MS], 4),
        ([NOON_MS, NOON_MS + 2**32], 8),
        ([-(2**62), 2**62], 8),
        ([-5, -7], 4),
    ],
)
def test_times_that_are_close_to_each_other_take_half(times: list[int], width: int) -> None:
    before = frame(times, metric=[0.5] * len(times))
    narrow = Narrow.of(before)
    assert len(narrow.to_binary()["time_ms"]) == width * len(times)
    assert [(part.from_ms, part.to_ms) for part in narrow.parts()] == [(min(times), max(times))]
    assert same(frame_of(narrow.to_binary(), 5), before)


def test_pieces_of_one_layout_are_put_together_whatever_their_bases() -> None:
    frames = [frame([NOON_MS, NOON_MS + 1], metric=[0.1, 0.2]), frame([5], metric=[-7.5])]
    pieces = [Narrow.of(one).to_binary() for one in frames]
    assert len({layout_of(piece) for piece in pieces}) == 1
    rows = rows_joined(pieces, [8, 9])
    assert (rows.device.tolist(), rows.time_ms.tolist()) == ([7, 7, 7], [NOON_MS, NOON_MS + 1, 5])
    assert (rows.values["metric"].tolist(), rows.received_ms.tolist()) == ([0.1, 0.2, -7.5], [8, 8, 9])


def test_what_is_laid_out_in_another_way_is_told_apart() -> None:
    others = [
        frame([NOON_MS], metric=[0.1]),
        frame([NOON_MS, NOON_MS + 2**32], metric=[0.1, 0.2]),
        frame([NOON_MS], metric=[0.25]),
        frame([NOON_MS], metric=[100_000.1]),
        frame([NOON_MS], metric=[1 / 3]),
        frame([NOON_MS], other=[0.1]),
        frame([NOON_MS], metric=[0.1], other=[0.1]),
    ]
    columns = [Narrow.of(one).to_binary() for one in others]
    old = {key: value for key, value in columns[1].items() if key not in {"base_ms", "decimals"}}
    assert len({layout_of(one) for one in [*columns, old]}) == len(others) + 1


def test_what_the_first_release_wrote_is_read() -> None:
    before = frame([NOON_MS, NOON_MS + 1], metric=[0.1, NAN])
    old = {
        "metrics": ["metric"],
        "device": before.device.tobytes(),
        "time_ms": before.time_ms.tobytes(),
        "values": [before.values["metric"].tobytes()],
    }
    assert same(frame_of(old, 5), before)
    assert rows_joined([old, old], [5, 6]).time_ms.tolist() == 2 * before.time_ms.tolist()
