"""Many Socket.IO clients in one process, made with as little work as can be: the machine is shared with the edge.

`python -m bench.watchers` takes a line of JSON that says what to connect to (see `Crowd`), and tells when all are
there. After that, each line it is given is a number: so many alerts are expected by each client, and when the last of
them heard each is told in another line.
"""

import asyncio
import json
import resource
import sys
from base64 import b64encode
from collections.abc import Callable
from os import urandom
from time import monotonic
from typing import Any, cast

import uvloop

HANDSHAKE = (
    "GET /ws/monitoring/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\n"
    "connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
)
END_OF_HEAD = b"\r\n\r\n"
TEXT, CLOSE = 0x81, 0x88
# Packets of Engine.IO and Socket.IO, as they begin. Of alerts those alone that the measurement makes: its devices are
# silent, which raises others.
OPEN, PING, ADMITTED, REFUSED, SNAPSHOT = b"0", b"2", b"40", b"44", b'42["snapshot"'
ALERT = b'42["alert",{"id":"bench-'
PONG = b"3"
AT_ONCE = 100
PATIENCE = 180.0


class Lost(Exception):
    """A client was refused or let go."""


class Watcher(asyncio.Protocol):
    """One client, that follows topics and counts alerts; `on_alert` is given its count."""

    def __init__(self, host: str, token: str, topics: list[str], on_alert: Callable[[int], None]) -> None:
        self._host = host
        self._token = token
        self._topics = topics
        self._on_alert = on_alert
        self._left = b""
        self._opened = False
        self._snapshots = 0
        self.alerts = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = b64encode(urandom(16)).decode()
        self._transport.write(HANDSHAKE.format(host=self._host, key=key).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(Lost(repr(exc)))

    def data_received(self, data: bytes) -> None:
        if self._left:
            data = self._left + data
        at = 0
        if not self._opened:
            at = data.find(END_OF_HEAD) + len(END_OF_HEAD)
            if at < len(END_OF_HEAD):
                self._left = data
                return
            self._opened = True
        end = len(data)
        while end - at >= 2:
            length, head = data[at + 1], at + 2
            if length == 126:
                head += 2
            elif length == 127:
                head += 8
            if end < head:
                break
            if length > 125:
                length = int.from_bytes(data[at + 2 : head], "big")
            if end < head + length:
                break
            if data[at] == TEXT and data.startswith(ALERT, head):
                self.alerts += 1
                self._on_alert(self.alerts)
            else:
                self._heard(data[at], data[head : head + min(length, 100)])
            at = head + length
        self._left = data[at:]

    def _heard(self, kind: int, text: bytes) -> None:
        if text == PING:
            self._say(PONG)
        elif text.startswith(SNAPSHOT):
            self._snapshots += 1
            if self._snapshots == len(self._topics) and not self.ready.done():
                self.ready.set_result(None)
        elif text.startswith(ADMITTED):
            self._say(b"42" + json.dumps(["subscribe", {"topics": self._topics}]).encode())
        elif text.startswith(OPEN):
            self._say(b"40" + json.dumps({"token": self._token}).encode())
        elif (kind == CLOSE or text.startswith(REFUSED)) and not self.ready.done():
            self.ready.set_exception(Lost(text.decode(errors="replace")))

    def _say(self, text: bytes) -> None:
        # A mask of zeros leaves the text as it is.
        length = len(text)
        size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
        self._transport.write(bytes([TEXT]) + size + bytes(4) + text)


class Crowd:
    """All clients of this process: `devices[n]` is the one that client n follows, beside alerts."""

    def __init__(self, host: str, token: str, devices: list[int]) -> None:
        self._host = host
        self._token = token
        self._devices = devices
        self._watchers: list[Watcher] = []
        # By an alert's place: how many have heard it, and when the last of them did.
        self._heard: list[int] = []
        self._last: list[float] = []
        self._done = asyncio.Event()

    async def connect(self) -> None:
        """Returns when every client has its snapshots. Raises Lost."""
        gate = asyncio.Semaphore(AT_ONCE)
        name, _, port = self._host.rpartition(":")

        async def one(device: int) -> None:
            topics = ["alerts", f"device:{device}"]
            async with gate:
                _, watcher = await asyncio.get_running_loop().create_connection(
                    lambda: Watcher(self._host, self._token, topics, self._count), name, int(port)
                )
                self._watchers.append(watcher)
                await watcher.ready

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(one(device) for device in self._devices))

    def expect(self, alerts: int) -> None:
        """Counts anew."""
        for watcher in self._watchers:
            watcher.alerts = 0
        self._heard, self._last = [0] * alerts, [0.0] * alerts
        self._done.clear()

    async def heard(self) -> list[float]:
        """When the last client heard each alert, by the machine's monotonic clock."""
        async with asyncio.timeout(PATIENCE):
            await self._done.wait()
        return self._last

    def _count(self, nth: int) -> None:
        place = nth - 1
        self._heard[place] += 1
        if self._heard[place] == len(self._watchers):
            self._last[place] = monotonic()
            if nth == len(self._heard):
                self._done.set()


async def _main() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop = asyncio.get_running_loop()

    async def told() -> Any:
        return json.loads(await loop.run_in_executor(None, sys.stdin.readline) or "null")

    def tell(what: Any) -> None:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()

    crowd = Crowd(**await told())
    began = monotonic()
    await crowd.connect()
    tell(monotonic() - began)
    while alerts := await told():
        crowd.expect(alerts)
        tell("expecting")
        tell(await crowd.heard())


if __name__ == "__main__":
    uvloop.run(_main())
