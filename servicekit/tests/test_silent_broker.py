"""A broker that says nothing, or is not there."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from servicekit import broker as broker_module
from servicekit.broker import CLOSE_SECONDS, Broker
from servicekit.event import Event
from servicekit.testing import eventually


async def handle(_events: Sequence[Event]) -> None:
    """Nothing comes."""


async def handle_one(_event: Event) -> None:
    """Likewise."""


class Wire:
    """A TCP proxy before the broker, which can go silent without a word."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._flows = asyncio.Event()
        self._flows.set()
        self.url = ""
        self.joined = 0

    def go_silent(self) -> None:
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._to._replace(netloc=f"{self._to.username}:{self._to.password}@127.0.0.1:{port}").geturl()
        try:
            yield self
        finally:
            self._flows.set()
            server.close()

    async def _join(self, reader, writer):
        self.joined += 1
        to_reader, to_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
        await asyncio.gather(self._carry(reader, to_writer), self._carry(to_reader, writer), return_exceptions=True)

    async def _carry(self, reader, writer):
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
        writer.close()


@pytest.fixture
async def wire(vhost):
    async with Wire(vhost).running() as wire:
        yield wire


async def test_a_broker_that_falls_silent_does_not_hold_up_the_end(wire):
    async with Broker(wire.url, "test") as broker:
        broker.consume("mine", ["test.*"], handle)
        broker.subscribe(["test.*"], handle_one)
        await broker.declare("mine", ["test.*"])
        wire.go_silent()
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < CLOSE_SECONDS + 1


async def test_a_broker_that_takes_a_connection_and_says_nothing_is_tried_again(wire, monkeypatch):
    monkeypatch.setattr(broker_module, "CONNECT_SECONDS", 0.2)
    wire.go_silent()
    async with Broker(wire.url, "test") as broker:

        async def tried_again() -> bool:
            return wire.joined >= 2

        await eventually(tried_again)
        wire.flow()

        async def connected() -> bool:
            return broker.connected

        await eventually(connected)


async def test_closing_does_not_wait_for_a_broker_that_is_not_there():
    async with asyncio.timeout(5):
        async with Broker("amqp://nobody:nothing@127.0.0.1:1/", "test") as broker:
            broker.consume("mine", ["#"], handle)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(broker.publish(Event("test.1", b"")), 0.1)
        assert not broker.connected
