"""A TCP connection's way through us, on which things happen: it is cut, or nothing moves on it any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

HOST = "127.0.0.1"
PIECE = 65_536


class Link:
    """Listens at `port` and passes on what comes to the port of another, and back."""

    def __init__(self, port: int, to_port: int) -> None:
        self.port = port
        self.to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False

    @property
    def target(self) -> str:
        """`host:port` of it."""
        return f"{HOST}:{self.port}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Listens while the block runs."""
        server = await asyncio.start_server(self._serve, HOST, self.port)
        try:
            yield self
        finally:
            self._flows.set()
            server.close()
            self.cut()

    def cut(self) -> None:
        """Ends all connections, with a reset: what was on its way is lost."""
        for writer in self._writers:
            writer.transport.abort()

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        """Nothing moves, either way, on the connections there are and on new ones, while the block runs."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Cut, and every new connection is ended at once, while the block runs."""
        self._refuses = True
        self.cut()
        try:
            yield
        finally:
            self._refuses = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if not self._refuses:
                there, back = await asyncio.open_connection(HOST, self.to_port)
                self._writers.add(back)
                try:
                    await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
                finally:
                    self._writers.discard(back)
                    back.transport.abort()
        except OSError:
            pass  # one side is gone, and so the other one will be
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            await self._flows.wait()
            writer.write(piece)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()
