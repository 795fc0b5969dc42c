"""One telemetry-svc of a measurement's own: beside the stack's, on its servers, with a database of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from bench.peers.process import DIES_WITH_US, HOST, free_port
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually, fresh_vhost

START_SECONDS, END_SECONDS = 120, 30
PARTITIONS = 64


@dataclass(frozen=True, slots=True)
class Process:
    """One that is ready. `start_seconds`: how long that took; `watching_seconds`: until it watched its fleet, too."""

    pid: int
    target: str
    metrics_url: str
    start_seconds: float
    watching_seconds: float


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A database, a virtual host, and what a process needs to use them."""

    database: AsyncDatabase[dict[str, Any]]
    variables: Mapping[str, str]
    log: str

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """Its process, ready, until the block ends."""
        port, metrics_port = free_port(), free_port()
        listens = {"FIELDSTOCK_LISTEN": f"{HOST}:{port}", "FIELDSTOCK_METRICS_LISTEN": f"{HOST}:{metrics_port}"}
        metrics_url = f"http://{HOST}:{metrics_port}/metrics"
        began = perf_counter()
        process = await self._python({**self.variables, **listens})
        try:
            async with grpc.aio.insecure_channel(f"{HOST}:{port}") as channel:
                health: Any = health_pb2_grpc.HealthStub(channel)

                async def serving() -> bool:
                    self._check(process)
                    try:
                        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=1)  # pyright: ignore[reportAttributeAccessIssue]
                    except grpc.aio.AioRpcError:
                        # Not the channel's own backoff: it would be measured.
                        return False
                    return answer.status == health_pb2.HealthCheckResponse.SERVING

                await eventually(serving, within=START_SECONDS, every=0.02)
            ready = perf_counter() - began

            async def watching() -> bool:
                self._check(process)
                return (await numbers(metrics_url)).get("fieldstock_watch_partitions") == PARTITIONS

            await eventually(watching, within=START_SECONDS, every=0.05)
            yield Process(process.pid, f"{HOST}:{port}", metrics_url, ready, perf_counter() - began)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(END_SECONDS):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()

    async def migrate(self) -> None:
        """Makes its collections."""
        process = await self._python(self.variables, "migrate")
        if await process.wait():
            raise RuntimeError(f"telemetry-svc could not migrate: {self._last_words()}")

    async def _python(self, variables: Mapping[str, str], *words: str) -> asyncio.subprocess.Process:
        with open(self.log, "ab") as output:  # noqa: ASYNC230, PTH123 - a moment
            return await asyncio.create_subprocess_exec(
                *(*DIES_WITH_US, sys.executable, "-m", "telemetry_svc", *words),
                env=variables,
                stdout=output,
                stderr=output,
            )

    def _last_words(self) -> str:
        return Path(self.log).read_text(encoding="utf-8", errors="replace")[-2_000:]

    def _check(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            raise RuntimeError(f"telemetry-svc ended: {self._last_words()}")


@asynccontextmanager
async def telemetry(stack: Stack, name: str, **settings: str) -> AsyncIterator[Telemetry]:
    """One whose database is made anew and dropped when the block ends. `settings`: FIELDSTOCK_<these>."""
    os.environ["FIELDSTOCK_AMQP_URL"] = stack.amqp_url
    os.environ["FIELDSTOCK_RABBITMQ_MANAGEMENT_URL"] = stack.rabbitmq_management_url
    database = f"bench_{name}"
    uri = urlunsplit(urlsplit(stack.mongodb_uri)._replace(path=f"/{database}"))
    with fresh_vhost() as vhost:
        variables = {
            **stack.environment("telemetry"),
            "FIELDSTOCK_MONGODB_URI": uri,
            "FIELDSTOCK_AMQP_URL": vhost,
            **{f"FIELDSTOCK_{name}": value for name, value in settings.items()},
        }
        async with AsyncMongoClient(uri) as client:
            await client.drop_database(database)
            try:
                one = Telemetry(client[database], variables, str(stack.log(f"bench-{name}")))
                await one.migrate()
                yield one
            finally:
                await client.drop_database(database)


async def numbers(metrics_url: str) -> dict[str, float]:
    """What a process tells of itself: the samples by name, a histogram's buckets as `name_bucket{le}`."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(metrics_url)).raise_for_status().text
    return {
        f"{sample.name}{{{sample.labels['le']}}}" if "le" in sample.labels else sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels or set(sample.labels) == {"le"}
    }
