"""GET /devices/{id} as a bare FastAPI and SQLAlchemy endpoint: no token, no roles, no gRPC."""

import os

from fastapi import FastAPI, HTTPException
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from inventory_svc.models import Device
from servicekit.database import sqlalchemy_url

app = FastAPI()
sessions = async_sessionmaker(create_async_engine(sqlalchemy_url(os.environ["DATABASE_URL"]), pool_size=20))


@app.get("/devices/{id}")
async def get_device(id: int) -> dict[str, object]:
    """The device's columns."""
    async with sessions() as session:
        device = await session.get(Device, id)
    if device is None:
        raise HTTPException(404)
    return {column.key: getattr(device, column.key) for column in Device.__table__.columns}
