"""Streams themselves: how many can be opened, and what an open one costs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import grpc

from bench.fleet import RECEIVER, RECEIVERS, fielded, site_gateway
from bench.load import METHOD, senders
from bench.machine import quiet, rss_bytes
from bench.pace import Pace
from bench.shapes import GATEWAY100, SINGLE, STARTS_MS_AGO
from fieldstock.telemetry.v1 import reading_pb2
from fieldstock_dev.stack import Stack

# Envoy lets a connection have 100 streams.
A_CONNECTION = 100
AT_ONCE, IDLE, FIRST_ONES = 100, 2_000, 100


async def opens(stack: Stack, pace: Pace) -> dict[str, float]:
    """Streams that are opened, bring one reading, and end acknowledged."""
    ids = (await fielded(stack, GATEWAY100.fleet))[: SINGLE.fleet]
    token = await site_gateway(stack)
    batches = senders(SINGLE, ids, int(time.time() * 1000) - STARTS_MS_AGO // 4)
    figures: dict[str, float] = {}
    for target, how in ((stack.target(RECEIVER), ""), (urlsplit(stack.base_url).netloc, "_via_envoy")):
        await quiet()
        async with _connections(target, AT_ONCE) as channels:
            done, began = 0, perf_counter()

            async def one(number: int, channels: list[Any], began: float) -> None:
                nonlocal done
                stream = _method(channels[number % len(channels)])
                while perf_counter() - began < pace.seconds / 2:
                    summary = await stream(iter([next(batches[number])]), metadata=_metadata(token))
                    done += summary.accepted_rows

            await asyncio.gather(*(one(number, channels, began) for number in range(AT_ONCE)))
            figures[f"ingest.stream_opens_per_s{how}"] = done / (perf_counter() - began)
    return figures


async def memory(stack: Stack, pace: Pace) -> dict[str, float]:
    """What 2,000 streams that say nothing add to the memory of the processes that hold them."""
    del pace  # they are soon open
    token = await site_gateway(stack)
    figures: dict[str, float] = {}
    for how in ("", "_via_envoy"):
        # Anew, so that what loads left free is not taken for what streams do not need.
        await asyncio.to_thread(stack.restart, *RECEIVERS, "envoy")
        target = urlsplit(stack.base_url).netloc if how else stack.target(RECEIVER)
        processes = (*RECEIVERS, "envoy") if how else (RECEIVER,)
        pids = [stack.pid(process) for process in processes]
        async with AsyncExitStack() as opened:
            # What is made once for the first of all is not theirs.
            await idle(opened, target, token, FIRST_ONES)
            before = sum(map(rss_bytes, pids))
            await idle(opened, target, token, IDLE)
            figures[f"ingest.kb_per_open_stream{how}"] = (sum(map(rss_bytes, pids)) - before) / IDLE / 1024
    return figures


async def idle(opened: AsyncExitStack, target: str, token: str, count: int) -> None:
    """Opens streams that say nothing, until `opened` is closed."""
    channels = await opened.enter_async_context(_connections(target, count))
    calls = [_method(channels[number % len(channels)])(metadata=_metadata(token)) for number in range(count)]
    for call in calls:
        opened.callback(call.cancel)
    # The server speaks first once it has admitted the stream.
    await asyncio.gather(*(call.initial_metadata() for call in calls))


@asynccontextmanager
async def _connections(target: str, streams: int) -> AsyncIterator[list[Any]]:
    async with AsyncExitStack() as opened:
        options = [("grpc.use_local_subchannel_pool", 1)]
        yield [
            await opened.enter_async_context(grpc.aio.insecure_channel(target, options=options))
            for _ in range(max(10, streams // A_CONNECTION))
        ]


def _method(channel: Any) -> Any:
    return channel.stream_unary(METHOD, None, reading_pb2.StreamSummary.FromString)


def _metadata(token: str) -> tuple[tuple[str, str]]:
    return (("authorization", f"Bearer {token}"),)
