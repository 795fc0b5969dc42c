"""Readings as fast as a service takes them, made with as little work as can be: the machine is shared with it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count, cycle
from time import perf_counter

import numpy as np
from google.protobuf.internal.encoder import _VarintBytes  # pyright: ignore[reportAttributeAccessIssue]
from numpy.typing import NDArray

from bench.grpc_writer import Call, calling
from bench.shapes import METRICS, Shape
from fieldstock.telemetry.v1 import reading_pb2

METHOD = "/fieldstock.telemetry.v1.IngestService/StreamReadings"
SEQUENCE, DEVICE, TIME = b"\x08", b"\x12", b"\x1a"
# As many as there are cores to fill, and few enough that each write carries much.
CONNECTIONS = 10
# What was sent last is acknowledged by then: much is on its way, through Envoy more. It counts as sending.
LAST_SECONDS = 180.0
# numpy likes its work in large pieces.
TIMES_AT_ONCE = 64

Batches = Iterator[bytes]


def senders(shape: Shape, ids: range, start_ms: int) -> list[Batches]:
    """The batches of each of the shape's streams, without end: who sends twice goes on where it was."""
    return [_batches(shape, shape.groups(ids, number, shape.streams), start_ms) for number in range(shape.streams)]


def _batches(shape: Shape, groups: Sequence[range], start_ms: int) -> Batches:
    """A sender's batches, serialized: by hand, so that making one is joining a few bytes."""
    tails = [_series(values) for values in shape.values]
    heads = [_packed(DEVICE, b"".join(_VarintBytes(device) for device in _rows(shape, group))) for group in groups]
    time_head = TIME + _VarintBytes(8 * shape.rows)
    sequence = 0
    for message in count(step=TIMES_AT_ONCE):
        times = np.repeat(shape.times(start_ms, message, TIMES_AT_ONCE), shape.devices, axis=1).astype("<i8")
        for turn, row in enumerate(times, message):
            middle = time_head + row.tobytes()
            for number, head in enumerate(heads):
                sequence += 1
                yield b"".join((SEQUENCE, _VarintBytes(sequence), head, middle, tails[(number + turn) % len(tails)]))


def _series(values: NDArray[np.float64]) -> bytes:
    batch = reading_pb2.ReadingBatch()
    for metric, column in zip(METRICS, values.tolist(), strict=True):
        batch.series.add(metric=metric, values=column)
    return batch.SerializeToString()


def _rows(shape: Shape, group: range) -> Sequence[int]:
    # One entry stands for all rows; else one for each.
    return group if shape.devices == 1 else list(group) * shape.each


def _packed(tag: bytes, content: bytes) -> bytes:
    return tag + _VarintBytes(len(content)) + content


@dataclass
class Outcome:
    """What was acknowledged, in how long."""

    rows: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Readings."""
        return self.rows / self.seconds


async def send(
    targets: Sequence[str], token: str, streams: Sequence[Batches], *, seconds: float, per_second: float = 0
) -> Outcome:
    """Sends for so many seconds over streams that stay open, to all targets alike, and waits for the last
    acknowledgement.

    `per_second`: messages in all; 0: as many as are taken. Raises RuntimeError when a reading was refused or a stream
    failed, ConnectionError, TimeoutError.
    """
    every = len(streams) / per_second if per_second else 0.0
    calls = [Call(batches, number * every / len(streams), every) for number, batches in enumerate(streams)]
    opening = min(len(streams), CONNECTIONS)
    began = perf_counter()
    async with AsyncExitStack() as opened:
        connections = [
            await opened.enter_async_context(calling(target, METHOD, token, calls[number::opening]))
            for number, target in zip(range(opening), cycle(targets), strict=False)
        ]
        answered = asyncio.gather(*(connection.done for connection in connections))
        await asyncio.wait([answered], timeout=seconds)
        for connection in connections:
            connection.end()
        async with asyncio.timeout(LAST_SECONDS):
            await answered
        elapsed = perf_counter() - began
    summaries = [reading_pb2.StreamSummary.FromString(call.message()) for call in calls]
    refused = [rejection for summary in summaries for rejection in summary.rejections]
    if refused:
        raise RuntimeError(f"{refused[0].reason}: {refused[0].message}")
    return Outcome(sum(summary.accepted_rows for summary in summaries), elapsed)
