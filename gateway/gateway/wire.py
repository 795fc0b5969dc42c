"""One websocket, between the server that owns it and the Socket.IO library that speaks over it.

Why it exists: Engine.IO's queue for each client is unbounded and says nothing of how far it got, so a client that reads
slowly would cost memory without end, and its alerts would wait behind readings that are minutes old. What the edge has
to tell does therefore not go through that queue. A Mailbox writes its frames here itself, and none while the
connection's buffer is above its high-water mark. Engine.IO's queue keeps what it is good for, handshake, pings and
answers to the client's own requests; those stay few because no request is served while a write is held back
(`flowing`). Its way is plain ASGI, which uvicorn holds back at the same mark.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from gateway import line
from gateway.line import Line
from servicekit.logs import logger

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY = "fieldstock.wire"

# Engine.IO's mark of a binary message, and Socket.IO's of an event or answer with binary parts to follow: the library
# would collect as many parts as the client announces.
BINARY = ("b", "45", "46")
UNSUPPORTED_DATA = 1003
FAREWELL_SECONDS = 5.0

# What uvicorn raises for a connection that is gone (an OSError) or already closed by us.
GONE = (OSError, RuntimeError)


class Wire:
    """`ended` is called when the websocket is gone, for whatever reason."""

    def __init__(self, line: Line, receive: Receive, send: Send, stall_seconds: float) -> None:
        self._line = line
        self._receive = receive
        self._send = send
        self._stall_seconds = stall_seconds
        self._waits: set[asyncio.Timeout] = set()
        self._writing = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.is_cut = False
        self.admitted = False
        self.ended: Callable[[], object] | None = None

    async def receive(self) -> Any:
        """ASGI's receive: the next message, which is a disconnect once the wire is cut."""
        if not self.is_cut:
            with suppress(TimeoutError):
                async with self._wait(None):
                    message = await self._receive()
                    text = message.get("text")
                    if message["type"] != "websocket.receive" or (text is not None and not text.startswith(BINARY)):
                        return message
                await self.hang_up(UNSUPPORTED_DATA, "Text messages only")
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: Any) -> None:
        """ASGI's send; returns when there is room for more. Raises ConnectionError when there will be none."""
        if self.is_cut:
            raise ConnectionResetError
        async with self._held_back():
            await self._send(message)

    def write_now(self, frame: bytes) -> bool:
        """Writes a frame, or several, if there is room; returns whether there was. Raises ConnectionResetError."""
        if self.is_cut:
            raise ConnectionResetError
        if not self._line.has_room:
            return False
        self._line.pass_on(frame)
        return True

    async def write(self, frame: bytes) -> None:
        """Writes a frame once there is room for it. Raises ConnectionResetError when there will be none."""
        while not self.write_now(frame):
            async with self._held_back():
                await self._line.room.wait()

    async def flowing(self) -> None:
        """Returns when no write is held back: before, the client reads too little to be served more."""
        await self._idle.wait()

    async def hang_up(self, code: int, reason: str, *last: bytes) -> None:
        """Sends the last frames and closes, as far as the client lets us within FAREWELL_SECONDS."""
        with suppress(TimeoutError, *GONE):
            async with asyncio.timeout(FAREWELL_SECONDS):
                for frame in last:
                    await self.write(frame)
                await self.send({"type": "websocket.close", "code": code, "reason": reason})
        self.cut()

    def cut(self) -> None:
        """Ends the websocket without another word; whoever waits for it is released."""
        self.is_cut = True
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0)

    @asynccontextmanager
    async def _held_back(self) -> AsyncIterator[None]:
        self._writing += 1
        self._idle.clear()
        try:
            async with self._wait(self._stall_seconds):
                yield
        except TimeoutError:
            self.cut()
            raise ConnectionResetError from None
        finally:
            self._writing -= 1
            if not self._writing:
                self._idle.set()

    def _wait(self, seconds: float | None) -> "_Wait":
        return _Wait(self._waits, seconds)


class _Wait:
    """An asyncio.timeout that is listed while it runs, so that a cut can end it."""

    def __init__(self, waits: set[asyncio.Timeout], seconds: float | None) -> None:
        self._waits = waits
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._waits.add(self._timeout)

    async def __aexit__(self, *raised: Any) -> bool | None:
        self._waits.discard(self._timeout)
        return await self._timeout.__aexit__(*raised)


def wired(app: App, seconds_to_authenticate: float, stall_seconds: float) -> App:
    """`app`, with a Wire in the scope of each websocket. One on which nobody was admitted in time is ended."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        wire = Wire(scope[line.KEY], receive, send, stall_seconds)

        def check() -> None:
            if not wire.admitted:
                logger.info("never_authenticated", client=scope.get("client"))
                wire.cut()

        timer = asyncio.get_running_loop().call_later(seconds_to_authenticate, check)
        try:
            await app({**scope, KEY: wire}, wire.receive, wire.send)
        finally:
            timer.cancel()
            wire.cut()
            if wire.ended:
                wire.ended()

    return serve
