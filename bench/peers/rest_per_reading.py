"""The seed's own design, measured: one POST and one insert a reading, FastAPI and pymongo on the stack's MongoDB."""

from pathlib import Path

from pymongo import ASCENDING, AsyncMongoClient

from bench.http_load import ask, head
from bench.pace import Pace
from bench.peers.process import fastapi
from bench.records import Requests
from bench.shapes import Shape

TEMPLATE = b'{"device_id":DDDDDD,"time_ms":TTTTTTTTTTTTT,"metrics":{"temperature":VV.V,"humidity":VV.V,"load":VV.V}}'
CONNECTIONS = 64


async def rest_per_reading(
    mongodb_uri: str, folder: Path, shape: Shape, ids: range, start_ms: int, pace: Pace
) -> float:
    """Readings per second."""
    async with AsyncMongoClient(mongodb_uri) as client:
        # What reading back asks for.
        await client["bench_rest"]["readings"].create_index([("device_id", ASCENDING), ("time", ASCENDING)])
    async with fastapi("fastapi_reading", folder / "fastapi.log", MONGODB_URI=mongodb_uri) as (host, port):
        top = head("POST", "/monitoring/data", f"{host}:{port}", {"content-type": "application/json"})
        connections = [
            Requests(TEMPLATE, top, shape, shape.groups(ids, number, CONNECTIONS), start_ms)
            for number in range(CONNECTIONS)
        ]
        for seconds in (pace.warm_up, pace.peer_seconds):
            answers = await ask(host, port, [connection.of(1) for connection in connections], seconds=seconds)
    return answers.per_second
