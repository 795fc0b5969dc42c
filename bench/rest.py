"""REST through Envoy: its checks, its transcoding and the service behind it."""

from urllib.parse import urlsplit

import httpx

from bench.fleet import sign_in
from bench.http_load import get
from fieldstock_dev.stack import Stack

CONNECTIONS, SECONDS, WARM_UP_SECONDS = 32, 10.0, 2.0


async def get_device(stack: Stack) -> dict[str, float]:
    """`GET /devices/{id}` with an access token, one inventory process."""
    headers = await sign_in(stack)
    async with httpx.AsyncClient(base_url=stack.base_url) as http:
        device = {"name": "Press 4 sensor", "type": "sensor", "serial_number": "BENCH", "specs": {"fw": "1.2"}}
        answer = (await http.post("/devices/", json=device, headers=headers)).raise_for_status().json()
    door = urlsplit(stack.base_url)
    host, port, path = door.hostname or "", door.port or 80, f"/devices/{answer['device']['id']}"
    await get(host, port, path, headers, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)
    answers = await get(host, port, path, headers, connections=CONNECTIONS, seconds=SECONDS)
    if answers.failed:
        raise RuntimeError(f"{answers.failed} requests failed")
    return {
        "rest.get_device.requests_per_s": answers.per_second,
        "rest.get_device.p99_ms": answers.percentile_ms(99),
    }
