"""uvicorn, run inside this process's event loop, with a socket made for many clients that read at their own pace."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from gateway.line import Line
from gateway.wire import App
from servicekit.logs import logger

# The longest message is a token, or a hundred topics.
LARGEST_MESSAGE = 16 * 1024
DRAIN_SECONDS = 3
BACKLOG = 2048

# What the kernel has taken can no longer be dropped: left to grow by itself (to megabytes), its buffer would hold
# minutes of readings for a slow client.
SEND_BUFFER = 128 * 1024
# A peer that takes nothing for so long is gone. Closing alone would wait for the rest of the buffer to be read.
USER_TIMEOUT_MS = 30_000


class _Quiet(uvicorn.Server):
    """Signals are the process's business, not the server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening(listen: str) -> socket.socket:
    """A socket at host:port. Accepted connections take over its options."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    return opened


@contextlib.asynccontextmanager
async def serve(app: App, listen: str) -> AsyncIterator[int]:
    """Serves an ASGI app while the block runs; yields the port. At the end clients are told of a restart."""
    opened = listening(listen)
    port = int(opened.getsockname()[1])
    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] - ASGI's messages are dicts here
        ws=Line,
        ws_max_size=LARGEST_MESSAGE,
        # Engine.IO has its own.
        ws_ping_interval=None,
        # An event is encoded once for all; compressing it for each client would cost more than all the rest.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Quiet(config)
    running = asyncio.create_task(server.serve(sockets=[opened]))
    logger.info("serving", port=port)
    try:
        yield port
    finally:
        server.should_exit = True
        await running
