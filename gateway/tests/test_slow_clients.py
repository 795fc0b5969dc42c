"""Clients that read more slowly than there is to tell."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.app import Edge
from gateway.settings import Limits
from gateway.testing import PATIENCE, Watcher
from servicekit.testing import Issuer, eventually

# An alert's message long enough that a few dozen fill what the kernel buffers.
LONG = "x" * 20_000
HANDSHAKE = (
    b"GET /ws/monitoring/?EIO=4&transport=websocket HTTP/1.1\r\nhost: edge\r\nupgrade: websocket\r\n"
    b"connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@asynccontextmanager
async def dawdler(edge: Edge, issuer: Issuer, *topics: str) -> AsyncIterator[ClientConnection]:
    """A client that follows topics and reads only when the test does; what it does not read stays in a small buffer."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", edge.port))
    url = f"ws://127.0.0.1:{edge.port}/ws/monitoring/?EIO=4&transport=websocket"
    async with connect(url, sock=plain, max_queue=1, max_size=None, compression=None, ping_interval=None) as client:
        await client.recv()
        await client.send("40" + json.dumps({"token": issuer.token()}))
        await client.recv()
        if topics:
            await client.send("42" + json.dumps(["subscribe", {"topics": topics}]))
            for _ in topics:
                assert (await event(client))[0] == "snapshot"
        try:
            yield client
        finally:
            client.transport.abort()


async def event(client: ClientConnection) -> Any:
    """The next event, as [name, data]."""
    while True:
        text = await asyncio.wait_for(client.recv(), PATIENCE)
        if isinstance(text, str) and text.startswith("42"):
            return json.loads(text[2:])


async def nobody_is_connected(edge: Edge) -> None:
    async def nobody() -> bool:
        return len(edge.sessions) == 0

    await eventually(nobody, PATIENCE)


class TestWithLittlePatience:
    """A backlog of 20 frames, for 0.2 s."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(backlog=20, backlog_seconds=0.2)

    async def test_who_stays_behind_is_told_and_let_go_while_others_hear_everything(
        self, edge: Edge, issuer: Issuer, publisher: Any, watcher_of: Callable[[], Watcher]
    ):
        async with dawdler(edge, issuer, "alerts") as slow:
            fast = watcher_of()
            await fast.connect({"token": issuer.token()})
            await fast.subscribe("alerts")

            published = 0
            while len(edge.sessions) > 1:
                published += 1
                await publisher.alert(version=published, message=LONG)
                assert (await fast.next("alert"))["version"] == published

            heard = [await event(slow)]
            while heard[-1][0] == "alert":
                heard.append(await event(slow))
            name, data = heard.pop()
            assert (name, data["reason"]) == ("too_slow", "TOO_SLOW")
            with pytest.raises(ConnectionClosed) as closed:
                await slow.recv()
            assert closed.value.rcvd
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "TOO_SLOW")
            # What reached it has no gaps.
            assert [alert["version"] for _, alert in heard] == list(range(1, len(heard) + 1))
            assert len(heard) < published
            await publisher.alert(version=published + 1)
            assert (await fast.next("alert"))["version"] == published + 1


class TestWithLittleRoom:
    """Ten frames are far too many."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(backlog=1, backlog_seconds=3600)

    async def test_when_one_is_let_go_amid_an_alert_the_others_hear_that_alert_too(
        self, edge: Edge, issuer: Issuer, publisher: Any, watcher_of: Callable[[], Watcher]
    ):
        async with dawdler(edge, issuer, "alerts"):
            fast = watcher_of()
            await fast.connect({"token": issuer.token()})
            await fast.subscribe("alerts")
            published = 0
            while len(edge.sessions) > 1:
                published += 1
                await publisher.alert(version=published, message=LONG)
                assert (await fast.next("alert"))["version"] == published


class TestWithMuchPatience:
    """Nobody is let go for a backlog."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(seconds_between_readings=0.001)

    async def test_a_slow_client_loses_readings_and_no_alert(self, edge: Edge, issuer: Issuer, publisher: Any):
        async with dawdler(edge, issuer, "alerts", "device:8") as slow:
            for number in range(1, 201):
                await publisher.alert(version=number, message=LONG)
                await publisher.readings(device_id=[8], time_ms=[number], temperature=[float(number)])
            alerts: list[int] = []
            readings: list[float] = []
            while len(alerts) < 200 or readings[-1:] != [200]:
                name, data = await event(slow)
                if name == "alert":
                    alerts.append(data["version"])
                else:
                    readings.append(data["metrics"]["temperature"])
            assert alerts == list(range(1, 201))
            assert len(readings) < 200


class TestWhoTakesNothing:
    """A frame may wait 0.3 s for room."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(stall_seconds=0.3)

    async def test_who_takes_nothing_at_all_is_cut_off(self, edge: Edge, issuer: Issuer, publisher: Any):
        async with dawdler(edge, issuer, "alerts"):
            for number in range(100):
                await publisher.alert(version=number, message=LONG)
            await nobody_is_connected(edge)

    async def test_who_asks_and_does_not_read_the_answers_is_cut_off(self, edge: Edge, issuer: Issuer):
        question = "421" + json.dumps(["subscribe", {"topics": [""] * 3000}])
        async with dawdler(edge, issuer) as slow:

            async def ask() -> None:
                while True:
                    await slow.send(question)

            asking = asyncio.create_task(ask())
            await nobody_is_connected(edge)
            asking.cancel()


async def test_pongs_do_not_pile_up_for_who_does_not_read_them(edge: Edge):
    loop, masked = asyncio.get_running_loop(), bytes(4)
    ping, close = bytes([0x89, 0x80 | 125]) + masked + bytes(125), bytes([0x88, 0x80]) + masked
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        slow.setblocking(False)
        await loop.sock_connect(slow, ("127.0.0.1", edge.port))
        await loop.sock_sendall(slow, HANDSHAKE)
        assert (await loop.sock_recv(slow, 1 << 16)).startswith(b"HTTP/1.1 101 ")
        for _ in range(100):
            await asyncio.wait_for(loop.sock_sendall(slow, ping * 1000), PATIENCE)
        await loop.sock_sendall(slow, close)
        answered = 0
        while read := await asyncio.wait_for(loop.sock_recv(slow, 1 << 16), PATIENCE):
            answered += len(read)
    assert answered < 100_000 * len(ping) / 4
