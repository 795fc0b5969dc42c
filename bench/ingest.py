"""Readings into telemetry-svc: authenticated, checked, judged by the rules, acknowledged from a majority's disks; and
the same readings into what others would have taken.

No two run at once. Those that a target is set against run before us and after us, the others once.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
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
from bench.peers.insert_many import inserting
from bench.peers.line_server import LineServer
from bench.peers.rest_per_reading import rest_per_reading
from bench.peers.victoriametrics import victoriametrics
from bench.shapes import BATCH100, GATEWAY100, SINGLE, STARTS_MS_AGO, Shape
from bench.sides import Side, amid
from bench.telemetry import numbers
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually

WATCHED_SECONDS, TOLD_SECONDS = 60, 300


async def batch100(stack: Stack, pace: Pace) -> dict[str, float]:
    """100 readings of one device with 3 metrics a message, 1,000 devices, 100 streams."""
    async with inserting(stack.mongodb_uri, BATCH100, range(1, BATCH100.fleet + 1), _start_ms()) as bare:
        await bare.choose(pace)
        side = Side(bare.take)
        figures = await _beside_peers(stack, BATCH100, pace, side)
    ours = figures["ingest.batch100.readings_per_s"]
    return {
        **figures,
        "peers.insert_many.batch100.readings_per_s": side.per_second,
        "ingest.batch100.ratio_to_insert_many": ours / side.per_second,
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


async def _beside_peers(stack: Stack, shape: Shape, pace: Pace, *also: Side) -> dict[str, float]:
    """`also`: those that run before us and after us, beside VictoriaMetrics."""
    ids = (await fielded(stack, GATEWAY100.fleet))[: shape.fleet]
    start_ms = _start_ms()
    streams = senders(shape, ids, start_ms)
    # What a message costs is the receiver's, what a reading costs mostly not: many small ones are for two of them, with
    # large ones MongoDB and the watcher need the cores.
    receivers = RECEIVERS if shape.rows == 1 else RECEIVERS[:1]
    ours = _Ours(stack, [stack.target(name) for name in receivers], streams)
    through = _Ours(stack, [urlsplit(stack.base_url).netloc], streams)
    side, via_envoy = Side(ours.take), Side(through.take)
    peers: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="fieldstock-peers-") as name:
        folder = Path(name)
        await ours.take(pace.warm_up)
        async with _tried(victoriametrics(folder), shape, ids, start_ms, pace) as server:
            rival = Side(server.take) if server else None
            await amid(side, [*([rival] if rival else []), *also], pace.seconds)
            if rival:
                peers["victoriametrics"] = rival.per_second
        async with _tried(influxdb(folder), shape, ids, start_ms, pace) as server:
            if server:
                other = Side(server.take)
                await other.go(pace.peer_seconds)
                peers["influxdb"] = other.per_second
        await through.take(pace.warm_up)
        await quiet()
        await via_envoy.go(pace.seconds)
        peers["rest_per_reading"] = await rest_per_reading(stack.mongodb_uri, folder, shape, ids, start_ms, pace)
        await quiet()
    unit = "messages_per_s" if shape.rows == 1 else "readings_per_s"
    return {
        f"ingest.{shape.name}.{unit}": side.per_second,
        f"ingest.{shape.name}.{unit}_via_envoy": via_envoy.per_second,
        f"ingest.{shape.name}.watch_behind_s": ours.behind,
        **{f"peers.{peer}.{shape.name}.readings_per_s": theirs for peer, theirs in peers.items()},
        **{f"ingest.ratio_to_{peer}.{shape.name}": side.per_second / theirs for peer, theirs in peers.items()},
    }


@asynccontextmanager
async def _tried(
    opening: AbstractAsyncContextManager[LineServer], shape: Shape, ids: range, start_ms: int, pace: Pace
) -> AsyncIterator[LineServer | None]:
    """A peer that knows what it likes best; None: it is not to be had here."""
    async with AsyncExitStack() as opened:
        try:
            server = await opened.enter_async_context(opening)
        except NoPeer as missing:
            rich.print(f"    without a peer: {missing}")
            server = None
        if server:
            await server.choose(shape, ids, start_ms, pace)
            await quiet()
        yield server


@dataclass
class _Ours:
    """telemetry-svc, by these targets. `behind`: for how long the rules were busy still, the last time, with
    what was acknowledged already, in seconds."""

    stack: Stack
    targets: Sequence[str]
    streams: Sequence[Batches]
    behind: float = 0.0

    async def take(self, seconds: float) -> tuple[float, float]:
        """Sends for so long; how many readings were acknowledged, in how many seconds."""
        token = await site_gateway(self.stack)
        before = await _watched(self.stack)
        outcome = await send(self.targets, token, self.streams, seconds=seconds)
        ended = perf_counter()
        while await _watched(self.stack) < before + outcome.rows:
            if perf_counter() > ended + WATCHED_SECONDS:
                raise RuntimeError("the rules have not seen all that was acknowledged")
            await asyncio.sleep(0.1)
        self.behind = perf_counter() - ended
        return outcome.rows, outcome.seconds


async def _watched(stack: Stack) -> float:
    """Rows that the rules have seen."""
    processes = [await numbers(stack.metrics_url(process)) for process in (WATCHER, *RECEIVERS)]
    return sum(found.get("fieldstock_watch_rows_total", 0) for found in processes)


async def _all_told(stack: Stack) -> bool:
    """Whether nobody's coming or going is still to be told."""
    return not (await numbers(stack.metrics_url(WATCHER)))["fieldstock_watch_presence_untold"]


def _start_ms() -> int:
    return int(time.time() * 1000) - STARTS_MS_AGO
