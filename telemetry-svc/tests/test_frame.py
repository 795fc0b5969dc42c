"""Readings as columns."""

import numpy as np

from telemetry_svc.columns.frame import PARTITIONS, Frame, partition_of


def frame(rows: int, devices: int = 1000) -> Frame:
    random = np.random.default_rng(rows)
    return Frame(
        random.integers(1, devices, rows).astype(np.int32),
        random.integers(1, 2**41, rows),
        {"temperature": random.normal(size=rows), "humidity": np.where(random.random(rows) < 0.5, np.nan, 1.5)},
        received_ms=5,
    )


def test_partitions_hold_every_row_once_in_its_order() -> None:
    whole = frame(5_000)
    seen = 0
    for partition, part in whole.partitions():
        mine = whole.take(whole.device % PARTITIONS == partition)
        assert part.device.tolist() == mine.device.tolist()
        assert part.time_ms.tolist() == mine.time_ms.tolist()
        np.testing.assert_array_equal(part.values["humidity"], mine.values["humidity"])
        assert {partition_of(device) for device in part.device.tolist()} == {partition}
        seen += len(part)
    assert seen == len(whole)


def test_columns_come_back_from_binary_as_they_were_gaps_included() -> None:
    before = frame(100)
    after = Frame.from_binary(before.to_binary(), received_ms=5)
    assert (after.device.tolist(), after.time_ms.tolist()) == (before.device.tolist(), before.time_ms.tolist())
    assert list(after.values) == ["temperature", "humidity"]
    for metric, column in before.values.items():
        np.testing.assert_array_equal(after.values[metric], column)
    assert after.received_ms == 5
