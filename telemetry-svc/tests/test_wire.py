"""Batches off the wire are what protobuf says that they are, whoever wrote them."""

import random

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch
from telemetry_svc.ingest.wire import MAX_METRICS, Batch, batch_of, ids_of, read, varint


def as_protobuf_has_it(message: bytes) -> object:
    try:
        return meant(batch_of(ReadingBatch.FromString(message)))
    except DecodeError:
        return DecodeError


def as_we_have_it(message: bytes) -> object:
    try:
        return meant(read(message))
    except DecodeError:
        return DecodeError


def meant(batch: Batch) -> tuple[object, ...]:
    """The batch with its ids as numbers: there are several ways to write one, of which the last bits say nothing."""
    return tuple(batch._replace(device=b"")), ids_of(batch.device).tolist()


def some_batch(chance: random.Random) -> bytes:
    rows = chance.choice([0, 1, 1, 2, 7, 100])
    named = chance.choice([0, 1, rows])
    batch = ReadingBatch(
        sequence=chance.choice([0, 1, 127, 128, 2**32, 2**64 - 1]),
        device_id=[chance.choice([0, 5, 300, 100_001, 2**31 - 1, -1]) for _ in range(named)],
        time_ms=[chance.choice([0, -1, 1_800_000_000_000]) + n for n in range(rows)],
        source_id=chance.choice(["", "", "a-spool"]),
        sent_ms=chance.choice([0, 0, 1_800_000_000_000, -1]),
    )
    for name in chance.sample(["temperature", "a", "ä", "", "A" * 300], chance.randrange(4)):
        batch.series.add(metric=name, values=[chance.random() for _ in range(chance.choice([0, rows, rows, rows]))])
    if chance.random() < 0.5:
        return batch.SerializeToString()
    # As the device client has it: the head of a batch, and then its columns, which were encoded before.
    head = ReadingBatch(sequence=batch.sequence, source_id=batch.source_id, sent_ms=batch.sent_ms)
    for field in ("sequence", "source_id", "sent_ms"):
        batch.ClearField(field)
    return head.SerializeToString() + batch.SerializeToString()


@pytest.mark.parametrize("seed", range(300))
def test_a_batch_is_read_as_protobuf_reads_it(seed: int) -> None:
    message = some_batch(random.Random(seed))
    for _ in range(2):  # its layout may be known then
        assert as_we_have_it(message) == as_protobuf_has_it(message)


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_batch_is_read_as_protobuf_reads_it(seed: int) -> None:
    chance = random.Random(seed)
    whole = some_batch(chance)
    read(whole)
    for _ in range(50):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 1, 3])):
            at = chance.randrange(len(damaged) + 1)
            what = chance.randrange(3)
            if what == 0 and at < len(damaged):
                damaged[at] = chance.randrange(256)
            elif what == 1:
                damaged[at:at] = chance.randbytes(chance.randrange(1, 4))
            else:
                del damaged[at : at + chance.randrange(1, 4)]
        assert as_we_have_it(bytes(damaged)) == as_protobuf_has_it(bytes(damaged))


def test_fields_in_another_order_and_columns_in_pieces_are_read() -> None:
    one, other = ReadingBatch(time_ms=[1, 2], device_id=[7]), ReadingBatch(sequence=3, time_ms=[3])
    other.series.add(metric="a", values=[1, 2, 3])
    message = one.SerializeToString() + other.SerializeToString()
    assert read(message) == batch_of(ReadingBatch.FromString(message))
    assert (read(message).sequence, read(message).rows) == (3, 3)


def test_a_device_that_tells_when_it_sent_is_read_without_protobuf(monkeypatch: pytest.MonkeyPatch) -> None:
    from telemetry_svc.ingest import wire

    columns = ReadingBatch(device_id=[7], time_ms=[1, 2], series=[{"metric": "a", "values": [0.5, 1.5]}])
    for sent_ms in (1_800_000_000_000, 1_800_000_000_500):
        head = ReadingBatch(sequence=2, sent_ms=sent_ms)
        whole = ReadingBatch(sequence=2, sent_ms=sent_ms)
        whole.MergeFrom(columns)
        told = batch_of(whole)
        monkeypatch.setattr(wire, "_by_protobuf", None)
        assert read(head.SerializeToString() + columns.SerializeToString()) == told
        assert read(whole.SerializeToString()) == told


def test_no_more_layouts_are_kept_than_there_is_room_for() -> None:
    from telemetry_svc.ingest import wire

    for rows in range(1, 1_500):
        batch = ReadingBatch(sequence=1, device_id=[7], time_ms=[1] * rows)
        batch.series.add(metric="a", values=[1.0] * rows)
        assert read(batch.SerializeToString()).rows == rows
    assert len(wire._layouts) <= 1_000


def test_a_layout_of_names_that_are_none_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from telemetry_svc.ingest import wire

    monkeypatch.setattr(wire, "_layouts", {})
    batch = ReadingBatch(sequence=1, device_id=[7], time_ms=[1])
    batch.series.add(metric="a" * 10_000, values=[1.0])
    assert read(batch.SerializeToString()) == batch_of(batch)
    assert not wire._layouts
    for name in range(MAX_METRICS - 1):
        batch.series.add(metric=f"{name:064}", values=[1.0])
    batch.series[0].metric = "a" * 64
    assert read(batch.SerializeToString()) == batch_of(batch)
    assert len(wire._layouts) == 1


def test_ids_come_back() -> None:
    ids = [0, 1, 127, 128, 16_383, 16_384, 100_001, 2**31 - 1, -1, -(2**31), 5]
    assert ids_of(b"".join(map(varint, ids))).tolist() == ids
    assert ids_of(b"").dtype == np.int32
