"""The streams of one source, on two replicas of the service."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from servicekit.access import Kind
from servicekit.testing import Issuer, channel_to, eventually
from telemetry_svc.app import running
from telemetry_svc.clock import system
from telemetry_svc.settings import Settings

Make = Callable[..., Any]


class Door:
    """A way to a server, which is closed at first."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._open = False

    def open(self) -> None:
        self._open = True

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The server's URL by this way."""
        server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        yield self._to._replace(netloc=f"{self._to.username}:{self._to.password}@127.0.0.1:{port}").geturl()
        server.close()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.close()
            return
        there, back = await asyncio.open_connection(self._to.hostname, self._to.port)
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer), return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


@pytest.fixture
async def other(start: Any, channel: grpc.aio.Channel, issuer: Issuer, client: Make) -> AsyncIterator[Any]:
    """Device 7 again, at another replica."""
    async with start() as another:
        yield client(another, issuer.metadata(Kind.DEVICE, 7))


async def known(client: Any, device_id: int = 7) -> None:
    """Returns when the client's replica has heard of its device."""

    async def readable() -> bool:
        try:
            await client.read(device_id)
        except grpc.aio.AioRpcError:
            return False
        return True

    await eventually(readable, within=10)


async def began(client: Any, batch: Any) -> Any:
    """A stream of which the first batch is stored."""
    stream = client.stream()
    await stream.send(batch)
    (time_ms,) = batch.time_ms

    async def stored() -> bool:
        return time_ms in [time for time, _ in await client.read(7)]

    await eventually(stored)
    return stream


async def test_the_newest_stream_of_a_source_wins_wherever_it_is(
    inventory: Any, device: Any, other: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    await asyncio.gather(known(device), known(other))
    now = system()
    here = await began(device, batch(1, [now], source_id="spool", temperature=[1]))
    another = await began(device, batch(1, [now + 1], source_id="another", temperature=[1]))
    unnamed = await began(device, batch(1, [now + 2], temperature=[1]))
    there = await began(other, batch(2, [now + 3], source_id="spool", temperature=[2]))
    error, summary = await here.ended(within=10)
    assert (error.code(), "SOURCE_REPLACED" in str(error.trailing_metadata())) == (grpc.StatusCode.ABORTED, True)
    assert summary.committed_sequence == 1
    here = await began(device, batch(3, [now + 4], source_id="spool", temperature=[3]))
    error, summary = await there.ended(within=10)
    assert (error.code(), summary.committed_sequence) == (grpc.StatusCode.ABORTED, 2)
    assert (await here.finish()).committed_sequence == 3
    for stream in (another, unnamed):
        assert (await stream.finish()).committed_sequence == 1


async def test_a_source_of_the_same_name_that_is_somebody_elses_is_another(
    inventory: Any, device: Any, other: Any, channel: grpc.aio.Channel, issuer: Issuer, client: Make, batch: Make
) -> None:
    await inventory.deploy(7, 8)
    another = client(channel, issuer.metadata(Kind.DEVICE, 8))
    await asyncio.gather(known(device), known(other), known(another, 8))
    now = system()
    eight = another.stream()
    await eight.send(batch(1, [now], source_id="spool", temperature=[1]))
    seven = await began(device, batch(1, [now], source_id="spool", temperature=[1]))
    there = await began(other, batch(1, [now + 1], source_id="spool", temperature=[1]))
    await seven.ended(within=10)
    # Told in the same message or a later one: it would have ended by now.
    assert (await eight.finish()).committed_sequence == 1
    assert (await there.finish()).committed_sequence == 1


@pytest.fixture
async def apart(settings: Settings, issuer: Issuer, clock: Any, client: Make) -> AsyncIterator[tuple[Door, Any]]:
    """A door to the broker; and device 7 at a replica that has no other way there."""
    door = Door(settings.amqp_url)
    async with door.listening() as url:
        away = settings.model_copy(update={"amqp_url": url})
        async with running(away, issuer.verifier(), clock) as server, channel_to(server.port) as channel:
            yield door, client(channel, issuer.metadata(Kind.DEVICE, 7))


async def test_who_comes_back_with_a_stream_that_is_older_hears_of_the_newer_one(
    inventory: Any, device: Any, apart: tuple[Door, Any], batch: Make
) -> None:
    door, other = apart
    await inventory.deploy(7)
    now = system()
    await known(other)
    there = await began(other, batch(1, [now], source_id="spool", temperature=[1]))
    here = await began(device, batch(2, [now + 1], source_id="spool", temperature=[2]))
    door.open()
    _, summary = await there.ended(within=20)
    assert summary.committed_sequence == 1
    assert (await here.finish()).committed_sequence == 2


async def test_what_began_while_the_broker_was_away_is_told_when_it_is_back(
    inventory: Any, device: Any, apart: tuple[Door, Any], batch: Make
) -> None:
    door, other = apart
    await inventory.deploy(7)
    now = system()
    here = await began(device, batch(1, [now], source_id="spool", temperature=[1]))
    await known(other)
    there = await began(other, batch(2, [now + 1], source_id="spool", temperature=[2]))
    await here.send(batch(2, [now + 2], temperature=[3]))
    door.open()
    _, summary = await here.ended(within=20)
    assert summary.committed_sequence == 2
    assert (await there.finish()).committed_sequence == 2
