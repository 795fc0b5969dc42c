"""A million devices in one process."""

import time
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import islice

from bench.fleet import seed, site_gateway
from bench.load import send, senders
from bench.machine import rss_bytes
from bench.pace import Pace
from bench.shapes import GATEWAY100, STARTS_MS_AGO
from bench.streams import idle
from bench.telemetry import telemetry
from fieldstock_dev.stack import Stack

DEVICES, STREAMS = 1_000_000, 1_000
NO_END = 600.0


async def million(stack: Stack, pace: Pace) -> dict[str, float]:
    """Start with 1,000,000 devices that all have sent 3 metrics, and the memory that they, another reading of each and
    1,000 open streams take."""
    shape = replace(GATEWAY100, fleet=round(DEVICES * pace.size))
    ids = range(1, shape.fleet + 1)
    token = await site_gateway(stack)
    streams = senders(shape, ids, int(time.time() * 1000) - STARTS_MS_AGO)
    once = shape.fleet // shape.rows // shape.streams
    async with telemetry(stack, "scale") as own:
        await seed(own.database, ids)
        async with own.running() as process:
            await send([process.target], token, [islice(stream, once) for stream in streams], seconds=NO_END)
        async with own.running() as process, AsyncExitStack() as opened:
            await idle(opened, process.target, token, STREAMS)
            await send([process.target], token, [islice(stream, once) for stream in streams], seconds=NO_END)
            return {
                "ingest.start_1m_s": process.start_seconds,
                "ingest.start_1m_until_watching_s": process.watching_seconds,
                "ingest.rss_mb": rss_bytes(process.pid) / 1_000_000,
            }
