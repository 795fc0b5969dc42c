"""REST through Envoy: its checks, its transcoding and the service behind it; beside a bare FastAPI endpoint."""

from urllib.parse import urlsplit

import httpx

from bench.fleet import sign_in
from bench.http_load import Answers, get
from bench.pace import Pace
from bench.peers.process import fastapi
from fieldstock_dev.stack import Stack

CONNECTIONS = 32


async def get_device(stack: Stack, pace: Pace) -> dict[str, float]:
    """`GET /devices/{id}` with an access token and one inventory process, and the same row from FastAPI without."""
    headers = await sign_in(stack)
    async with httpx.AsyncClient(base_url=stack.base_url) as http:
        device = {"name": "Press 4 sensor", "type": "sensor", "serial_number": "BENCH", "specs": {"fw": "1.2"}}
        answer = (await http.post("/devices/", json=device, headers=headers)).raise_for_status().json()
    path = f"/devices/{answer['device']['id']}"
    door = urlsplit(stack.base_url)
    ours = await _load(door.hostname or "", door.port or 80, path, headers, pace)
    database = stack.environment("inventory")["FIELDSTOCK_POSTGRES_URL"]
    async with fastapi("fastapi_device", stack.log("bench-fastapi"), DATABASE_URL=database) as (host, port):
        theirs = await _load(host, port, path, {}, pace)
    return {
        "rest.get_device.requests_per_s": ours.per_second,
        "rest.get_device.p99_ms": ours.percentile_ms(99),
        "rest.get_device.ratio_to_fastapi": ours.per_second / theirs.per_second,
    }


async def _load(host: str, port: int, path: str, headers: dict[str, str], pace: Pace) -> Answers:
    await get(host, port, path, headers, connections=CONNECTIONS, seconds=pace.warm_up)
    return await get(host, port, path, headers, connections=CONNECTIONS, seconds=pace.seconds / 2)
