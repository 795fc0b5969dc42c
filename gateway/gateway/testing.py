"""For tests: an official Socket.IO client that remembers what it was told."""

import asyncio
from typing import Any

import socketio

from gateway.web import SOCKET_PATH

# Seconds after which a test gives up.
PATIENCE = 10


class Watcher:
    """An official Socket.IO client, and what it was told."""

    def __init__(self, port: int) -> None:
        self.socket = socketio.AsyncClient(reconnection=False)
        self._url = f"http://127.0.0.1:{port}"
        self._told: dict[str, asyncio.Queue[Any]] = {}
        self.gone = asyncio.Event()
        self.refusal: Any = None
        self.socket.on("*", self._hear)
        self.socket.on("disconnect", lambda *_: self.gone.set())
        self.socket.on("connect_error", self._refused)

    async def connect(self, auth: Any, **options: Any) -> None:
        """Raises socketio's ConnectionError when refused; `refusal` then says what the edge said."""
        where = {"socketio_path": SOCKET_PATH, "transports": ["websocket"], **options}
        await self.socket.connect(self._url, auth=auth, wait_timeout=PATIENCE, **where)

    async def call(self, event: str, data: Any = None) -> Any:
        """The edge's answer to an event."""
        return await self.socket.call(event, data, timeout=PATIENCE)

    async def subscribe(self, *topics: str) -> list[Any]:
        """Follows topics; returns their snapshots."""
        answer = await self.call("subscribe", {"topics": list(topics)})
        assert answer == {"taken": list(topics), "refused": []}
        return [await self.next("snapshot") for _ in topics]

    async def next(self, event: str) -> Any:
        """The next event of this name."""
        return await asyncio.wait_for(self._queue(event).get(), PATIENCE)

    def pending(self, event: str) -> list[Any]:
        """Events of this name that came and were not looked at."""
        queue = self._queue(event)
        return [queue.get_nowait() for _ in range(queue.qsize())]

    def _queue(self, event: str) -> asyncio.Queue[Any]:
        return self._told.setdefault(event, asyncio.Queue())

    async def _hear(self, event: str, data: Any = None) -> None:
        self._queue(event).put_nowait(data)

    async def _refused(self, data: Any = None) -> None:
        self.refusal = data
