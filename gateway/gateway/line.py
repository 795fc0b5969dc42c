"""A websocket of uvicorn's that also takes frames as they are on the wire.

Why it exists: through ASGI each frame costs a dict, two coroutines, a timer, and two copies of the text; times five
thousand clients, most of a second for one alert. Here it costs the write alone, of bytes that all clients share. Only
what the server sends goes this way, and only whole text frames without extensions: the protocol has no state that would
have to know of them.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

KEY = "fieldstock.line"


class Line(WebSocketsSansIOProtocol):
    """In the scope of each websocket, under KEY."""

    def handle_connect(self, event: Request) -> None:
        """The handshake; the application starts after it, in a task."""
        super().handle_connect(event)
        # A handshake that is refused has no scope.
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope[KEY] = self

    def handle_ping(self) -> None:
        """A pong, if there is room: who asks and does not read would have them pile up."""
        pong = self.conn.data_to_send()
        if self.has_room:
            self.transport.write(b"".join(pong))

    @property
    def has_room(self) -> bool:
        """Whether a frame could be written now: the transport is not above its high-water mark."""
        return self.writable.is_set()

    @property
    def room(self) -> asyncio.Event:
        """Set while there is room, and once the line is gone."""
        return self.writable

    def pass_on(self, frame: bytes) -> None:
        """Writes a frame, or several. Raises ConnectionResetError when the line is gone."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ConnectionResetError
        self.transport.write(frame)
