"""Readings as fast as a service takes them, made with as little work as can be: the machine is shared with it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import grpc
import numpy as np
from google.protobuf.internal.encoder import _VarintBytes  # pyright: ignore[reportAttributeAccessIssue]

from fieldstock.telemetry.v1 import reading_pb2

METHOD = "/fieldstock.telemetry.v1.IngestService/StreamReadings"
METRICS = ("temperature", "humidity", "load")
SEQUENCE, DEVICE, TIME = b"\x08", b"\x12", b"\x1a"
# A device's clock from one of its readings to the next.
STEP_MS = 10
TOKEN_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """What the senders do: each has its own of the `ids`, and sends batches of `rows` readings of `devices` of them."""

    streams: int
    ids: Sequence[int]
    rows: int
    devices: int


def batches(shape: Shape, stream: int, start_ms: int) -> Iterator[bytes]:
    """A sender's batches, serialized: by hand, so that making one is joining a few bytes."""
    generator = np.random.default_rng(stream)
    series = reading_pb2.ReadingBatch()
    for metric in METRICS:
        series.series.add(metric=metric, values=generator.normal(20, 5, shape.rows).round(1).tolist())
    tail = series.SerializeToString()
    own = shape.ids[stream :: shape.streams]
    groups = [own[i : i + shape.devices] for i in range(0, len(own) - shape.devices + 1, shape.devices)]
    heads = [_packed(DEVICE, b"".join(_VarintBytes(device) for device in group)) for group in groups]
    each = shape.rows // shape.devices
    times = np.repeat(np.arange(each) * STEP_MS, shape.devices) + start_ms
    sequence = 0
    while True:
        for head in heads:
            sequence += 1
            yield b"".join([SEQUENCE, _VarintBytes(sequence), head, _packed(TIME, times.astype("<i8").tobytes()), tail])
        times = times + each * STEP_MS


def _packed(tag: bytes, content: bytes) -> bytes:
    return tag + _VarintBytes(len(content)) + content


@dataclass
class Outcome:
    """What was acknowledged, in how long."""

    rows: int
    rejected: int
    seconds: float


async def send(target: str, token: str, shape: Shape, *, start_ms: int, seconds: float) -> Outcome:
    """Sends for so many seconds over streams that stay open, and waits for the last acknowledgement."""
    metadata = (("authorization", f"Bearer {token}"),)
    # A connection for every few streams, as devices have their own.
    channels = [
        grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(min(shape.streams, 10))
    ]
    began = perf_counter()

    async def one(stream: int) -> Any:
        call = channels[stream % len(channels)].stream_unary(METHOD, None, reading_pb2.StreamSummary.FromString)(
            metadata=metadata
        )
        for batch in batches(shape, stream, start_ms):
            await call.write(batch)
            if perf_counter() - began > seconds:
                break
        await call.done_writing()
        return await call

    summaries = await asyncio.gather(*(one(stream) for stream in range(shape.streams)))
    elapsed = perf_counter() - began
    for channel in channels:
        await channel.close()
    return Outcome(sum(s.accepted_rows for s in summaries), sum(s.rejected_rows for s in summaries), elapsed)
