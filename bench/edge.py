"""Alerts from the broker to the screens: 5,000 Socket.IO clients of one process of the edge."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import socketio

from bench.fleet import deploy, sign_in
from bench.pace import Pace
from fieldstock.telemetry.v1 import alert_pb2, events_pb2
from fieldstock_dev.stack import Stack
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import eventually

CLIENTS, PROCESSES, DEVICES = 5_000, 2, 500
# One by one, so that each has the machine to itself; and all at once, so that the edge is never idle.
ALERTS, ALERTS_PER_SECOND, BURST = 150, 3, 200
PATIENCE = 200


async def fanout(stack: Stack, pace: Pace) -> dict[str, float]:
    """From publishing an alert until the last of 5,000 has it; messages a second of one process, and what a message
    costs it of a core; memory of a client.

    Each follows `alerts` and one device, directly at the edge: what Envoy adds is Envoy's.
    """
    clients = round(CLIENTS * pace.size)
    headers = await sign_in(stack)
    token = headers["authorization"].removeprefix("Bearer ")
    ids = await deploy(stack, headers, DEVICES)
    # Afresh: memory that an earlier measurement left behind would be taken for nothing.
    await asyncio.to_thread(stack.restart, "gateway")
    pid = stack.pid("gateway")
    before = _kilobytes(pid)
    async with AsyncExitStack() as opened:
        crowds = [
            await opened.enter_async_context(_crowd(stack.target("gateway"), token, ids, clients // PROCESSES))
            for _ in range(PROCESSES)
        ]
        connecting = [await crowd.told() for crowd in crowds]
        kilobytes = (_kilobytes(pid) - before) / clients
        official = await opened.enter_async_context(_official(stack, token))
        broker = await opened.enter_async_context(Broker(stack.amqp_url, "bench"))
        heard = await _publish(broker, crowds, ids, ALERTS, 1 / ALERTS_PER_SECOND)
        milliseconds = [1000 * (last - published) for published, last in heard]
        busy = _cpu_seconds(pid)
        burst = await _publish(broker, crowds, ids, BURST, 0)
        busy = _cpu_seconds(pid) - busy
        seconds = max(last for _, last in burst) - min(published for published, _ in burst)

        async def as_many() -> bool:
            assert official.connected
            return official.alerts == ALERTS + BURST

        await eventually(as_many, within=PATIENCE)
    return {
        "edge.fanout5000_p50_ms": float(np.percentile(milliseconds, 50)),
        "edge.fanout5000_p99_ms": float(np.percentile(milliseconds, 99)),
        "edge.messages_per_s": clients * BURST / seconds,
        "edge.cpu_us_per_message": 1e6 * busy / clients / BURST,
        "edge.kb_per_client": kilobytes,
        "edge.connects_per_s": clients / max(connecting),
    }


@dataclass
class _Crowd:
    """A process of many clients."""

    process: asyncio.subprocess.Process

    async def told(self) -> Any:
        """Its next line."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            return json.loads(await self.process.stdout.readline())

    def tell(self, what: Any) -> None:
        """One line."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what).encode() + b"\n")


@asynccontextmanager
async def _crowd(host: str, token: str, ids: list[int], count: int) -> AsyncIterator[_Crowd]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.watchers"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**22
    )
    try:
        crowd = _Crowd(process)
        crowd.tell({"host": host, "token": token, "devices": [ids[number % len(ids)] for number in range(count)]})
        yield crowd
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass
class _Official:
    """The official client, to see that the crowds' own is told the same."""

    alerts: int = 0
    connected: bool = True

    async def count(self, alert: Any) -> None:
        """One of ours, or another."""
        self.alerts += alert["id"].startswith("bench-")

    async def gone(self, *_: Any) -> None:
        """The edge let it go, or it the edge."""
        self.connected = False


@asynccontextmanager
async def _official(stack: Stack, token: str) -> AsyncIterator[_Official]:
    official, client = _Official(), socketio.AsyncClient(reconnection=False)
    client.on("alert", official.count)
    client.on("disconnect", official.gone)
    where = {"socketio_path": "/ws/monitoring", "transports": ["websocket"], "auth": {"token": token}}
    await client.connect(f"http://{stack.target('gateway')}", **where)
    await client.call("subscribe", {"topics": ["alerts"]})
    yield official
    await client.disconnect()


async def _publish(
    broker: Broker, crowds: list[_Crowd], ids: list[int], alerts: int, pause: float
) -> list[tuple[float, float]]:
    """Publishes alerts; of each, when it was published and when the last client of all had it."""
    for crowd in crowds:
        crowd.tell(alerts)
    for crowd in crowds:
        assert await crowd.told() == "expecting"
    published: list[float] = []
    for number in range(alerts):
        alert = alert_pb2.Alert(
            id=f"bench-{number:026x}",
            device_id=ids[number % len(ids)],
            device_name=f"Sensor {number}",
            rule_id="0f3c",
            kind="threshold",
            metric="temperature",
            severity="critical",
            message="temperature 91.2 above 85",
            value=91.2,
            state="active",
            version=1,
        )
        alert.opened_at.GetCurrentTime()
        published.append(monotonic())
        await broker.publish(Event.of("telemetry.alert.opened", events_pb2.AlertChanged(alert=alert)))
        await asyncio.sleep(pause)
    heard = [await crowd.told() for crowd in crowds]
    return list(zip(published, map(max, *heard), strict=True))


def _cpu_seconds(pid: int) -> float:
    """What a process has had of the cores: unlike time, no matter what else the machine does."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kilobytes(pid: int) -> int:
    """What a process has in memory, none of it shared."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise LookupError(f"no RssAnon of {pid}")
