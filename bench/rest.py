"""REST through Envoy: its checks, its transcoding and the service behind it; beside a bare FastAPI endpoint."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from bench.fleet import sign_in
from bench.http_load import Answers, get
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually

CONNECTIONS, SECONDS, WARM_UP_SECONDS = 32, 10.0, 3.0
PEER_PORT = 18999


async def get_device(stack: Stack) -> dict[str, float]:
    """`GET /devices/{id}` with an access token and one inventory process, and the same row from FastAPI without."""
    headers = await sign_in(stack)
    async with httpx.AsyncClient(base_url=stack.base_url) as http:
        device = {"name": "Press 4 sensor", "type": "sensor", "serial_number": "BENCH", "specs": {"fw": "1.2"}}
        answer = (await http.post("/devices/", json=device, headers=headers)).raise_for_status().json()
    path = f"/devices/{answer['device']['id']}"
    ours = await _load(stack.base_url, path, headers)
    async with _peer(stack) as url:
        theirs = await _load(url, path, {})
    return {
        "rest.get_device.requests_per_s": ours.per_second,
        "rest.get_device.p99_ms": ours.percentile_ms(99),
        "rest.get_device.ratio_to_fastapi": ours.per_second / theirs.per_second,
    }


async def _load(url: str, path: str, headers: dict[str, str]) -> Answers:
    door = urlsplit(url)
    host, port = door.hostname or "", door.port or 80
    await get(host, port, path, headers, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)
    answers = await get(host, port, path, headers, connections=CONNECTIONS, seconds=SECONDS)
    if answers.failed:
        raise RuntimeError(f"{answers.failed} requests of {url} failed")
    return answers


@asynccontextmanager
async def _peer(stack: Stack) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "bench.peers.fastapi_device:app"),
        *("--port", str(PEER_PORT), "--log-level", "warning", "--no-access-log"),
        env={**os.environ, "DATABASE_URL": stack.environment("inventory")["FIELDSTOCK_POSTGRES_URL"]},
    )
    url = f"http://127.0.0.1:{PEER_PORT}"
    try:
        async with httpx.AsyncClient(base_url=url) as http:

            async def up() -> bool:
                try:
                    return (await http.get("/openapi.json")).is_success
                except httpx.TransportError:
                    return False

            await eventually(up, within=20, every=0.1)
        yield url
    finally:
        process.terminate()
        await process.wait()
