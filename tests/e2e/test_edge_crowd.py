"""Many who watch at the same time."""

import asyncio
import resource
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

# More than the 1,024 connections that Envoy opens to a service unless told otherwise.
CROWD = 1_100
AT_ONCE = 50
HANDSHAKE = (
    "GET /ws/monitoring/?EIO=4&transport=websocket HTTP/1.1\r\nhost: fieldstock\r\nupgrade: websocket\r\n"
    "connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_the_door_has_room_for_more_than_a_thousand_who_watch(stack):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    door = urlsplit(stack.base_url)
    gate = asyncio.Semaphore(AT_ONCE)
    try:
        async with AsyncExitStack() as opened:

            async def answer():
                async with gate, asyncio.timeout(60):
                    reader, writer = await asyncio.open_connection(door.hostname, door.port)
                    opened.callback(writer.close)
                    writer.write(HANDSHAKE.encode())
                    return (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0]

            answers = await asyncio.gather(*(answer() for _ in range(CROWD)))
            assert set(answers) == {b"HTTP/1.1 101 Switching Protocols"}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
