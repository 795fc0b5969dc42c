"""An operator who listens."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio


class Ear:
    """What a Socket.IO client hears."""

    def __init__(self, client: socketio.AsyncSimpleClient) -> None:
        self._client = client

    async def subscribe(self, *topics: str) -> None:
        """Returns when all of them were taken."""
        answer = await self._client.call("subscribe", {"topics": list(topics)})
        assert answer == {"taken": list(topics), "refused": []}

    async def hear(self, event: str, within: float = 10.0, **wanted: Any) -> dict[str, Any]:
        """The next such event that has these values."""
        end = time.monotonic() + within
        while True:
            name, *data = await self._client.receive(timeout=end - time.monotonic())
            if name == event and wanted.items() <= data[0].items():
                return data[0]


@pytest.fixture
async def ear(socket: socketio.AsyncSimpleClient) -> AsyncIterator[Ear]:
    return Ear(socket)
