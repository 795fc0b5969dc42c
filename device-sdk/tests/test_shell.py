"""The device as a program that is fed lines: none of them is lost, and none becomes memory before its time."""

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from fieldstock_device.__main__ import _send


@pytest.fixture
async def shell(world, tmp_path) -> AsyncIterator:
    """Starts a program that sends from one folder; whatever of them is left is ended."""
    environment = {**os.environ, "FIELDSTOCK_DEVICE_SECRET": "secret", "FIELDSTOCK_DEVICE_SPOOL": str(tmp_path)}
    processes = []

    async def start(url=world.url, serial="SN-1") -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fieldstock_device", "--url", url, "--serial", serial),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def full(shell, world) -> asyncio.subprocess.Process:
    """A program whose disk has taken one line, and does not take the next two."""
    process = await shell()
    process.stdin.write(b"temperature=1\n")
    await world.until(lambda: world.peer.batches)
    # By the system's own limit of a file's size, which a write meets as it would a full disk.
    _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, most))
    process.stdin.write(b"temperature=2\ntemperature=3\n")
    while b"the disk takes no reading, they wait" not in (line := await process.stderr.readline()):
        assert line, "it ended before"
    return process


async def test_killed_it_has_what_it_took(shell, world, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        first = await shell(f"http://127.0.0.1:{taken.getsockname()[1]}")
        first.stdin.write(b"temperature=1\ntemperature=2\n")
        # Its folder is all that tells of it: both lines are in the file of what is gathered, or in a batch already.
        # Not a file that is being made: it has another name in a moment.
        files = ("filling", "*.segment")
        await world.until(lambda: any(one.stat().st_size > 100 for name in files for one in tmp_path.glob(name)))
        second = await shell()
        _, words = await second.communicate(b"temperature=9\n")
        assert (second.returncode, b"another process" in words) == (2, True)
        first.kill()
        await first.wait()
    third = await shell()
    _, words = await third.communicate(b"temperature=3\n")
    assert third.returncode == 0
    assert b"3 readings acknowledged, 0 not" in words
    assert world.peer.values == [1, 2, 3]


async def test_it_does_not_send_what_another_device_left(shell, world):
    first = await shell()
    await first.communicate(b"temperature=1\n")
    second = await shell(serial="SN-2")
    _, words = await second.communicate(b"temperature=2\n")
    assert (second.returncode, b"the readings of SN-1, not of SN-2" in words) == (2, True)
    assert world.peer.values == [1]


async def test_lines_wait_for_a_disk_that_takes_none(full, world):
    resource.prlimit(full.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    _, words = await full.communicate(b"")
    assert b"3 readings acknowledged, 0 not" in words
    # Once is enough.
    assert b"they wait" not in words
    assert world.peer.values == [1, 2, 3]


async def test_while_lines_wait_for_the_disk_it_can_be_ended(full):
    full.send_signal(signal.SIGINT)
    await full.communicate()
    assert full.returncode != 0


async def test_lines_that_come_faster_than_they_are_recorded_wait_outside(world, monkeypatch):
    read = 0

    def lines():
        nonlocal read
        for read in range(1, 100_001):
            yield f"temperature={read}\n"

    monkeypatch.setattr(sys, "stdin", lines())
    sending = asyncio.create_task(_send(world.url, "SN-1", "secret", None))
    await world.until(lambda: world.peer.batches)
    assert read < 5_000
    sending.cancel()
    await asyncio.wait([sending])
