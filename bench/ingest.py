"""Readings into telemetry-svc: authenticated, checked, judged by the rules, acknowledged from a majority's disks; and
the same readings into what others would have taken.

The sides of a ratio run one after another, so that whatever else the machine does befalls both.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import rich

from bench.fleet import RECEIVERS, WATCHER, fielded, site_gateway
from bench.load import Batches, send, senders
from bench.machine import quiet
from bench.pace import Pace
from bench.peers.debian import NoPeer
from bench.peers.influxdb import influxdb
from bench.peers.insert_many import insert_many
from bench.peers.line_server import LineServer
from bench.peers.rest_per_reading import rest_per_reading
from bench.peers.victoriametrics import victoriametrics
from bench.shapes import BATCH100, GATEWAY100, SINGLE, STARTS_MS_AGO, Shape
from bench.telemetry import numbers
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually

WATCHED_SECONDS, TOLD_SECONDS = 60, 300


async def batch100(stack: Stack, pace: Pace) -> dict[str, float]:
    """100 readings of one device with 3 metrics a message, 1,000 devices, 100 streams."""
    figures = await _beside_peers(stack, BATCH100, pace)
    bare = await insert_many(stack.mongodb_uri, BATCH100, range(1, BATCH100.fleet + 1), _start_ms(), pace)
    ours = figures["ingest.batch100.readings_per_s"]
    return {
        **figures,
        "peers.insert_many.batch100.readings_per_s": bare,
        "ingest.batch100.ratio_to_insert_many": ours / bare,
    }


async def gateway100(stack: Stack, pace: Pace) -> dict[str, float]:
    """1 reading of each of 100 devices a message, 100,000 devices, 10 streams."""
    figures = await _beside_peers(stack, GATEWAY100, pace)
    # So many that came online are told of for minutes, a thousand a second: not while the next ones are measured.
    await eventually(lambda: _all_told(stack), within=TOLD_SECONDS, every=1)
    return figures


async def single(stack: Stack, pace: Pace) -> dict[str, float]:
    """1 reading a message, 200 streams."""
    return await _beside_peers(stack, SINGLE, pace)


async def _beside_peers(stack: Stack, shape: Shape, pace: Pace) -> dict[str, float]:
    ids = (await fielded(stack, GATEWAY100.fleet))[: shape.fleet]
    start_ms = _start_ms()
    streams = senders(shape, ids, start_ms)
    # What a message costs is the receiver's, what a reading costs mostly not: many small ones are for two of them, with
    # large ones MongoDB and the watcher need the cores.
    receivers = RECEIVERS if shape.rows == 1 else RECEIVERS[:1]
    peers: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="fieldstock-peers-") as name:
        folder = Path(name)

        async def beside(peer: str, opening: AbstractAsyncContextManager[LineServer]) -> None:
            try:
                async with opening as server:
                    peers[peer] = await server.best(shape, ids, start_ms, pace)
            except NoPeer as missing:
                rich.print(f"    without {peer}: {missing}")
            await quiet()

        await beside("victoriametrics", victoriametrics(folder))
        ours, behind = await _ours(stack, [stack.target(name) for name in receivers], streams, pace)
        await quiet()
        await beside("influxdb", influxdb(folder))
        via_envoy, _ = await _ours(stack, [urlsplit(stack.base_url).netloc], streams, pace)
        await quiet()
        peers["rest_per_reading"] = await rest_per_reading(stack.mongodb_uri, folder, shape, ids, start_ms, pace)
        await quiet()
    unit = "messages_per_s" if shape.rows == 1 else "readings_per_s"
    return {
        f"ingest.{shape.name}.{unit}": ours,
        f"ingest.{shape.name}.{unit}_via_envoy": via_envoy,
        f"ingest.{shape.name}.watch_behind_s": behind,
        **{f"peers.{peer}.{shape.name}.readings_per_s": theirs for peer, theirs in peers.items()},
        **{f"ingest.ratio_to_{peer}.{shape.name}": ours / theirs for peer, theirs in peers.items()},
    }


async def _ours(stack: Stack, targets: Sequence[str], streams: Sequence[Batches], pace: Pace) -> tuple[float, float]:
    """Per second; and for how long the rules were busy still with what was acknowledged already, in seconds."""
    token = await site_gateway(stack)
    await send(targets, token, streams, seconds=pace.warm_up)
    await quiet()
    before = await _watched(stack)
    outcome = await send(targets, token, streams, seconds=pace.seconds)
    ended = perf_counter()
    while await _watched(stack) < before + outcome.rows:
        if perf_counter() > ended + WATCHED_SECONDS:
            raise RuntimeError("the rules have not seen all that was acknowledged")
        await asyncio.sleep(0.1)
    return outcome.per_second, perf_counter() - ended


async def _watched(stack: Stack) -> float:
    """Rows that the rules have seen."""
    processes = [await numbers(stack.metrics_url(process)) for process in (WATCHER, *RECEIVERS)]
    return sum(found.get("fieldstock_watch_rows_total", 0) for found in processes)


async def _all_told(stack: Stack) -> bool:
    """Whether nobody's coming or going is still to be told."""
    return not (await numbers(stack.metrics_url(WATCHER)))["fieldstock_watch_presence_untold"]


def _start_ms() -> int:
    return int(time.time() * 1000) - STARTS_MS_AGO
