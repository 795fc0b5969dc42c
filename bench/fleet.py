"""Devices for the measurements: registered and deployed as an operator would."""

import asyncio

import httpx

from fieldstock_dev.stack import Stack
from servicekit.testing import eventually

AT_ONCE = 16
HEARD_SECONDS = 30


async def sign_in(stack: Stack) -> dict[str, str]:
    """The header of the first admin's requests."""
    async with httpx.AsyncClient(base_url=stack.base_url) as http:
        login = {"username": stack.admin_username, "password": stack.admin_password}
        token = (await http.post("/auth/login", json=login)).raise_for_status().json()["access_token"]
    return {"authorization": f"Bearer {token}"}


async def deploy(stack: Stack, headers: dict[str, str], count: int) -> list[int]:
    """So many new devices in the field, known to telemetry; their ids."""
    turn = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=30) as http:
        started = (await http.get("/devices/", params={"page_size": 1})).raise_for_status().json()["devices"]

        async def one(number: int) -> int:
            device = {"name": f"Sensor {number}", "type": "sensor", "serial_number": f"BENCH-{len(started)}-{number}"}
            async with turn:
                answer = (await http.post("/devices/", json=device)).raise_for_status().json()
                id = answer["device"]["id"]
                (await http.put(f"/devices/{id}/deploy", json={"location": "Hall 1"})).raise_for_status()
            return id

        ids = await asyncio.gather(*(one(number) for number in range(count - 1)))
        ids.append(await one(count - 1))

        async def watched() -> bool:
            answer = await http.get(f"/monitoring/devices/{ids[-1]}")
            return answer.is_success and answer.json()["status"] == "deployed"

        # Of all the changes the last one is heard last.
        await eventually(watched, within=HEARD_SECONDS, every=0.1)
    return ids
