"""What the client promises, kept by processes that are killed: each device here is a program of its own."""

import asyncio
import json
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch
from fieldstock_device import DiskSpool

PROGRAM = Path(__file__).with_name("device_process.py")
SINGLE = {"batch_rows": 1}


class Program:
    """A device's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.recorded: list[int] = []
        self.said: list[str] = []

    async def until(self, count: int) -> None:
        """It has recorded so many."""
        while len(self.recorded) < count:
            assert await self._hear(), "it ended before"

    async def kill(self) -> None:
        """As by a loss of power to it alone; what it had said before counts."""
        self._process.send_signal(signal.SIGKILL)
        while await self._hear():
            pass
        await self._process.wait()

    async def end(self) -> str:
        """Its last words, once it has ended well."""
        while await self._hear():
            pass
        assert await self._process.wait() == 0
        return self.said[-1]

    async def _hear(self) -> bool:
        line = (await self._process.stdout.readline()).decode()
        if not line.endswith("\n"):
            return False
        if line.strip().isdigit():
            self.recorded.append(int(line))
        else:
            self.said.append(line.strip())
        return True


@pytest.fixture
async def start() -> AsyncIterator:
    """Starts a device; whatever of them is left is ended."""

    @asynccontextmanager
    async def running(arguments) -> AsyncIterator[Program]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), json.dumps(arguments), stdout=asyncio.subprocess.PIPE
        )
        try:
            yield Program(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async with AsyncExitStack() as stack:

        async def start(url, folder, first, last, **options) -> Program:
            arguments = {"url": url, "folder": str(folder), "values": [first, last], **options}
            return await stack.enter_async_context(running(arguments))

        yield start


@pytest.fixture
def nowhere() -> AsyncIterator[str]:
    """Where no server is: a port that is taken, and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def kept(folder) -> list[float]:
    """The values in a spool, in their order."""
    values, last = [], 0
    with DiskSpool(folder) as spool:
        while (spooled := spool.after(last)) is not None:
            assert spooled.sequence == last + 1
            last = spooled.sequence
            values += ReadingBatch.FromString(spooled.columns).series[0].values
    return values


@pytest.mark.parametrize("rows", [1, 7, 500])
async def test_killed_at_any_moment_it_loses_nothing_that_it_had_taken(start, nowhere, world, tmp_path, rows):
    rng, taken = random.Random(rows), 0
    for _ in range(6):
        device = await start(nowhere, tmp_path, taken + 1, taken + 100_000, pace={"batch_rows": rows})
        await device.until(rng.randint(1, 400))
        await device.kill()
        values = kept(tmp_path)
        # What it was about to say may be there as well.
        assert values in (
            list(range(1, device.recorded[-1] + 1)),
            list(range(1, device.recorded[-1] + 2)),
        )
        taken = int(values[-1])
    device = await start(world.url, tmp_path, taken + 1, taken + 1)
    assert (await device.end()).startswith("left 0 dropped 0")
    assert world.peer.values == list(range(1, taken + 2))
    assert len({stream.source_ids[0] for stream in world.peer.streams}) == 1


async def test_what_was_not_acknowledged_is_sent_again_with_the_same_sequence(start, world, tmp_path):
    world.peer.may_answer.clear()
    device = await start(world.url, tmp_path, 1, 5, pace=SINGLE, stay=60)
    await world.until(lambda: len(world.peer.batches) == 5)
    await device.kill()
    first = [(batch.sequence, list(batch.time_ms)) for batch in world.peer.batches]
    world.peer.may_answer.set()
    device = await start(world.url, tmp_path, 6, 6, pace=SINGLE)
    await device.end()
    again = [(batch.sequence, list(batch.time_ms)) for batch in world.peer.batches[5:]]
    assert again[:5] == first
    assert [sequence for sequence, _ in again] == [1, 2, 3, 4, 5, 6]
    assert {stream.source_ids[0] for stream in world.peer.streams} == {world.peer.batches[0].source_id}


async def test_it_resumes_behind_what_was_committed(start, world, tmp_path, ending):
    # Of four batches three are committed; then the server is no good to it any more.
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE", after=4, committed=3))
    world.peer.endings.extend(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE") for _ in range(1_000))
    device = await start(world.url, tmp_path, 1, 4, pace=SINGLE, stay=60)
    await world.until(lambda: len(world.peer.streams) > 2)
    await device.kill()
    world.peer.endings.clear()
    device = await start(world.url, tmp_path, 5, 5, pace=SINGLE)
    await device.end()
    assert [batch.sequence for batch in world.peer.batches] == [1, 2, 3, 4, 4, 5]
    assert world.peer.values == [1, 2, 3, 4, 5]


async def test_full_it_drops_the_oldest_counts_them_and_sends_the_rest(start, nowhere, world, tmp_path):
    options = {"max_bytes": 32 * 1024, "pace": {"batch_rows": 50, "flush": 0.1}}
    device = await start(nowhere, tmp_path, 1, 5_000, **options)
    left, dropped = map(int, (await device.end()).split()[1:4:2])
    assert left > 1_000
    assert left + dropped == 5_000
    device = await start(world.url, tmp_path, 5_001, 5_001, max_bytes=32 * 1024)
    assert (await device.end()).startswith("left 0 ")
    assert world.peer.values == list(range(dropped + 1, 5_002))


async def test_its_memory_does_not_grow_while_the_server_is_away_for_100_000_readings(start, nowhere, tmp_path):
    device = await start(nowhere, tmp_path, 1, 100_000, told=10_000, pace={"batch_rows": 10, "flush": 0.1})
    assert (await device.end()).startswith("left 100000 dropped 0")
    memory = [int(line.split()[1]) for line in device.said if line.startswith("memory")]
    assert len(memory) == 10
    # In memory, as messages or bytes, ten thousand batches would be several megabytes.
    assert memory[-1] - memory[0] < 1024 * 1024


async def test_it_rotates_as_often_as_the_server_says(start, world, tmp_path):
    world.peer.rotate_after_ms = 500
    device = await start(world.url, tmp_path, 1, 25, pace=SINGLE, pause=0.1)
    assert (await device.end()).endswith("reconnects 0")
    # Two and a half seconds of half a second each, and the last that closing ends.
    assert 4 <= len(world.peer.streams) <= 7
    assert all(stream.half_closed for stream in world.peer.streams)
    assert world.peer.values == list(range(1, 26))


async def test_a_token_that_expires_amid_a_stream_is_renewed_before(start, world, tmp_path):
    world.peer.expires_in = 2
    loop = asyncio.get_running_loop()

    class Tokens(list):
        def append(self, token) -> None:
            super().append(token)
            loop.call_later(world.peer.expires_in, world.peer.revoked.add, token)

    world.peer.tokens = Tokens()
    device = await start(world.url, tmp_path, 1, 50, pace=SINGLE, pause=0.1)
    assert (await device.end()).endswith("reconnects 0")
    assert len({stream.token for stream in world.peer.streams}) >= 3
    assert world.peer.values == list(range(1, 51))


async def test_a_token_that_the_server_ends_amid_a_stream_costs_nothing(start, world, tmp_path, ending):
    world.peer.endings.append(ending(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", after=3, committed=2))
    device = await start(world.url, tmp_path, 1, 10, pace=SINGLE, pause=0.02)
    assert (await device.end()).startswith("left 0 dropped 0")
    assert [stream.token for stream in world.peer.streams][:2] == ["token-1", "token-2"]
    assert world.peer.streams[1].sequences[0] == 3
    assert world.peer.values == list(range(1, 11))
