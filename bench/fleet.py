"""Devices for the measurements, and who sends for them."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from fieldstock_dev.stack import Stack
from servicekit.testing import eventually

# The processes of telemetry, by what they do.
WATCHER, RECEIVERS = "telemetry", ("receiver", "receiver-2")
# Where one of them is enough.
RECEIVER = RECEIVERS[0]
AT_ONCE = 16
HEARD_SECONDS = 30
# The ids of devices that only telemetry knows: of one length, and none that inventory will come to.
FIRST_ID = 100_001
SEEDED, A_DAY_SECONDS, AT_A_TIME = "bench", 86_400, 20_000


async def sign_in(stack: Stack) -> dict[str, str]:
    """The header of the first admin's requests."""
    async with httpx.AsyncClient(base_url=stack.base_url) as http:
        login = {"username": stack.admin_username, "password": stack.admin_password}
        token = (await http.post("/auth/login", json=login)).raise_for_status().json()["access_token"]
    return {"authorization": f"Bearer {token}"}


async def site_gateway(stack: Stack) -> str:
    """An access token of a new `ingest` service account: it may send readings of any device."""
    async with httpx.AsyncClient(base_url=stack.base_url, headers=await sign_in(stack)) as http:
        name = f"bench-{uuid4().hex}"
        made = await http.post("/auth/service-accounts", json={"name": name, "kind": "ingest"})
        credential = {"name": name, "secret": made.raise_for_status().json()["secret"]}
        return (await http.post("/auth/service-token", json=credential)).raise_for_status().json()["access_token"]


async def fielded(stack: Stack, count: int) -> range:
    """So many devices in the field, and telemetry started anew with them; their ids.

    Registering 100,000 of them would take a quarter of an hour, so telemetry finds them stored, as if it had heard of
    them. Auth and inventory do not know them. Those that are there already are taken.
    """
    ids = range(FIRST_ID, FIRST_ID + count)
    async with AsyncMongoClient(stack.mongodb_uri) as client:
        database = client.get_default_database()
        if not await database["devices"].find_one({"_id": ids[-1]}):
            await seed(database, ids)
            await asyncio.to_thread(stack.restart, WATCHER, *RECEIVERS)
    return ids


async def seed(database: AsyncDatabase[dict[str, Any]], ids: range) -> None:
    """Stores devices as telemetry-svc's registry does."""
    # May be silent for a day: a fleet that was measured with must not raise 100,000 alerts while another one is.
    silence = {"_id": SEEDED, "silence_seconds": A_DAY_SECONDS, "version": 1}
    await database["types"].replace_one({"_id": SEEDED}, silence, upsert=True)
    since = datetime.now(UTC)
    for start in range(0, len(ids), AT_A_TIME):
        documents = [
            {
                "_id": id,
                "name": f"Sensor {id}",
                "type": SEEDED,
                "status": "deployed",
                "version": 1,
                "serial_number": f"BENCH-{id}",
                "location": f"Site {id % 100}",
                "name_key": f"sensor {id}",
                "serial_key": f"bench-{id}",
                "since": since,
                "fielded_at": since,
            }
            for id in ids[start : start + AT_A_TIME]
        ]
        await database["devices"].delete_many({"_id": {"$in": [document["_id"] for document in documents]}})
        await database["devices"].insert_many(documents, ordered=False)


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
