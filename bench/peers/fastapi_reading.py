"""POST /monitoring/data as the seed would have it: a document for each reading, and nothing of roles or rules."""

import os
from datetime import UTC, datetime

from fastapi import FastAPI
from pydantic import BaseModel
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

app = FastAPI()
client = AsyncMongoClient(os.environ["MONGODB_URI"])
readings = client["bench_rest"].get_collection("readings", write_concern=WriteConcern("majority", j=True))


class Reading(BaseModel):
    """What one device measured at one time."""

    device_id: int
    time_ms: int
    metrics: dict[str, float]


@app.post("/monitoring/data", status_code=201)
async def create_reading(reading: Reading) -> dict[str, bool]:
    """Answers once a majority has it on disk."""
    time = datetime.fromtimestamp(reading.time_ms / 1000, UTC)
    await readings.insert_one({"device_id": reading.device_id, "time": time, "metrics": reading.metrics})
    return {"stored": True}
