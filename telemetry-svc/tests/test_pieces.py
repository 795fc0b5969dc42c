"""Groups that come back from the journal in pieces."""

from collections.abc import Iterator

import numpy as np

from telemetry_svc.columns.frame import Frame
from telemetry_svc.columns.narrow import Narrow
from telemetry_svc.ingest.journal import Entry
from telemetry_svc.watch.pieces import Pieces, by_group


def entry(writer: bytes, number: int, device: int, *metrics: str) -> Entry:
    """One row of a device; the partition is its."""
    values = {metric: np.array([float(number)]) for metric in metrics or ("temperature",)}
    frame = Frame(np.array([device], np.int32), np.array([number], np.int64), values, 1_000 + number)
    return Entry(device % 64, (writer, number), frame.received_ms, [Narrow.of(frame).to_binary()])


def told(pieces: list[Pieces]) -> Iterator[tuple[bytes, int, list[int]]]:
    for one in pieces:
        yield *one.group, one.partitions


def test_a_group_is_whole_again_whatever_came_between_its_pieces() -> None:
    found = by_group([entry(b"a", 1, 1), entry(b"b", 1, 2), entry(b"a", 1, 3)])
    assert list(told(found)) == [(b"a", 1, [1, 3]), (b"b", 1, [2])]
    (frame,) = found[0].frames()
    assert (frame.device.tolist(), frame.received_ms) == ([1, 3], 1_001)


def test_what_came_first_to_a_partition_stays_first_there() -> None:
    # Group 1 of a reached partition 2 after that of b did: it must not be judged before it.
    found = by_group([entry(b"a", 1, 1), entry(b"b", 1, 2), entry(b"a", 1, 2), entry(b"a", 1, 3)])
    assert list(told(found)) == [(b"a", 1, [1]), (b"b", 1, [2]), (b"a", 1, [2, 3])]


def test_rows_of_other_metrics_make_a_frame_of_their_own() -> None:
    (one,) = by_group([entry(b"a", 1, 1, "load"), entry(b"a", 1, 2, "temperature"), entry(b"a", 1, 3, "load")])
    assert [(list(frame.values), frame.device.tolist()) for frame in one.frames()] == [
        (["load"], [1, 3]),
        (["temperature"], [2]),
    ]


def test_of_nothing_comes_nothing() -> None:
    assert by_group([]) == []
