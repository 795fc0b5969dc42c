"""From the arrival of readings to their acknowledgement, when the service has half of what it could take."""

import asyncio
import time
from dataclasses import replace
from time import perf_counter

import grpc
import numpy as np

from bench.fleet import RECEIVER, fielded, site_gateway
from bench.load import METHOD, Batches, send, senders
from bench.pace import Pace
from bench.shapes import BATCH100, GATEWAY100, STARTS_MS_AGO
from bench.telemetry import numbers
from fieldstock.telemetry.v1 import reading_pb2
from fieldstock_dev.stack import Stack

HISTOGRAM = "fieldstock_ingest_commit_seconds"
CHECKS_PER_SECOND = 20
# The histogram sees less than the client, who also waits for the stream and the way; but its buckets are coarse.
TOLERANCE = 1.5


async def latency(stack: Stack, pace: Pace) -> dict[str, float]:
    """The server's histogram, and a client that ends its stream after each message.

    Raises RuntimeError when there is no such histogram, or it says that commits took longer than the client waited.
    """
    ids = (await fielded(stack, GATEWAY100.fleet))[: BATCH100.fleet]
    target, url, token = stack.target(RECEIVER), stack.metrics_url(RECEIVER), await site_gateway(stack)
    start_ms = int(time.time() * 1000) - STARTS_MS_AGO // 2
    # The last devices are the checking client's.
    one_stream = replace(BATCH100, streams=1)
    streams, checks = senders(BATCH100, ids[:-10], start_ms), senders(one_stream, ids[-10:], start_ms)
    await send([target], token, streams, seconds=pace.warm_up)
    most = await send([target], token, streams, seconds=pace.warm_up)
    before = await numbers(url)
    if f"{HISTOGRAM}_count" not in before:
        raise RuntimeError(f"telemetry-svc has no histogram {HISTOGRAM}")
    half = most.per_second / BATCH100.rows / 2
    load = asyncio.create_task(send([target], token, streams, seconds=pace.seconds, per_second=half))
    try:
        waited = await _ended_streams(target, token, checks[0], pace.seconds)
        outcome = await load
    finally:
        load.cancel()
    after = await numbers(url)
    p50, p99 = (quantile_ms(before, after, share) for share in (0.5, 0.99))
    by_client = float(np.percentile(waited, 50))
    if p50 > TOLERANCE * by_client:
        raise RuntimeError(f"the server says {p50:.1f} ms, and a client waited for {by_client:.1f} ms")
    return {
        "ingest.commit_p50_ms": p50,
        "ingest.commit_p99_ms": p99,
        "ingest.commit_by_client_p50_ms": by_client,
        "ingest.commit_by_client_p99_ms": float(np.percentile(waited, 99)),
        "ingest.commit_at_readings_per_s": outcome.per_second,
    }


async def _ended_streams(target: str, token: str, batches: Batches, seconds: float) -> list[float]:
    """Milliseconds from a stream's opening to its summary, a message each."""
    waited: list[float] = []
    began = perf_counter()
    async with grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        stream = channel.stream_unary(METHOD, None, reading_pb2.StreamSummary.FromString)
        while perf_counter() - began < seconds:
            batch = next(batches)
            sent = perf_counter()
            summary = await stream(iter([batch]), metadata=(("authorization", f"Bearer {token}"),))
            waited.append(1000 * (perf_counter() - sent))
            if not summary.accepted_rows:
                raise RuntimeError("a stream that ended acknowledged nothing")
            await asyncio.sleep(began + len(waited) / CHECKS_PER_SECOND - perf_counter())
    return waited


def quantile_ms(before: dict[str, float], after: dict[str, float], share: float) -> float:
    """Of what was observed meanwhile; evenly spread within a bucket, as Prometheus has it."""
    prefix = f"{HISTOGRAM}_bucket{{"
    ends = {
        float(name.removeprefix(prefix).rstrip("}")): after[name] - before[name]
        for name in after
        if name.startswith(prefix)
    }
    wanted, lower, passed = share * max(ends.values()), 0.0, 0.0
    for end, count in sorted(ends.items()):
        if count >= wanted and count > passed:
            within = (wanted - passed) / (count - passed)
            return 1000 * (lower + within * (min(end, 2 * lower) - lower if end == float("inf") else end - lower))
        lower, passed = end, count
    raise RuntimeError("nothing was committed")
