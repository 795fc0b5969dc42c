"""Readings as fast as a service takes them, made with as little work as can be: the machine is shared with it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import grpc
import numpy as np
from google.protobuf.internal.encoder import _VarintBytes  # pyright: ignore[reportAttributeAccessIssue]
from numpy.typing import NDArray

from bench.shapes import METRICS, Shape
from fieldstock.telemetry.v1 import reading_pb2

METHOD = "/fieldstock.telemetry.v1.IngestService/StreamReadings"
SEQUENCE, DEVICE, TIME = b"\x08", b"\x12", b"\x1a"
# As many as there are cores to fill, and few enough that each write carries much.
CONNECTIONS = 10

Batches = Iterator[bytes]


def senders(shape: Shape, ids: range, start_ms: int) -> list[Batches]:
    """The batches of each of the shape's streams, without end: who sends twice goes on where it was."""
    return [_batches(shape, shape.groups(ids, number, shape.streams), start_ms) for number in range(shape.streams)]


def _batches(shape: Shape, groups: Sequence[range], start_ms: int) -> Batches:
    """A sender's batches, serialized: by hand, so that making one is joining a few bytes."""
    tails = [_series(values) for values in shape.values]
    heads = [_packed(DEVICE, b"".join(_VarintBytes(device) for device in _rows(shape, group))) for group in groups]
    sequence = 0
    message = 0
    while True:
        times = np.repeat(shape.times(start_ms, message)[0], shape.devices)
        middle = _packed(TIME, times.astype("<i8").tobytes())
        for number, head in enumerate(heads):
            sequence += 1
            yield SEQUENCE + _VarintBytes(sequence) + head + middle + tails[(number + message) % len(tails)]
        message += 1


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
    target: str, token: str, streams: Sequence[Batches], *, seconds: float, per_second: float = 0
) -> Outcome:
    """Sends for so many seconds over streams that stay open, and waits for the last acknowledgement.

    `per_second`: messages in all; 0: as many as are taken. Raises RuntimeError when a reading was refused.
    """
    metadata = (("authorization", f"Bearer {token}"),)
    # A connection for every few streams, as devices have their own.
    channels = [
        grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(min(len(streams), CONNECTIONS))
    ]
    began = perf_counter()

    async def one(number: int) -> Any:
        call = channels[number % len(channels)].stream_unary(METHOD, None, reading_pb2.StreamSummary.FromString)(
            metadata=metadata
        )
        for sent, batch in enumerate(streams[number], 1):
            await call.write(batch)
            if perf_counter() - began > seconds:
                break
            if per_second:
                await asyncio.sleep(began + (sent * len(streams) + number) / per_second - perf_counter())
        await call.done_writing()
        return await call

    summaries = await asyncio.gather(*(one(number) for number in range(len(streams))))
    elapsed = perf_counter() - began
    for channel in channels:
        await channel.close()
    refused = [rejection for summary in summaries for rejection in summary.rejections]
    if refused:
        raise RuntimeError(f"{refused[0].reason}: {refused[0].message}")
    return Outcome(sum(summary.accepted_rows for summary in summaries), elapsed)
