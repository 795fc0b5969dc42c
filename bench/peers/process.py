"""A peer's process: private, on a port of its own on 127.0.0.1, ended by the one who started it."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from servicekit.testing import eventually

HOST = "127.0.0.1"
START_SECONDS, END_SECONDS = 30, 30
# Before a command: it ends with us, however we end.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def running(command: Sequence[str], ready_url: str, log: Path, **variables: str) -> AsyncIterator[None]:
    """The process, from when it answers until the block ends. Raises RuntimeError when it ends before."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(*DIES_WITH_US, *command),
            env={**os.environ, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        async with httpx.AsyncClient() as http:

            async def up() -> bool:
                if process.returncode is not None:
                    raise RuntimeError(f"{command[0]} ended; its last words are in {log}")
                try:
                    return (await http.get(ready_url)).is_success
                except httpx.TransportError:
                    return False

            await eventually(up, within=START_SECONDS, every=0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def fastapi(module: str, log: Path, **variables: str) -> AsyncIterator[tuple[str, int]]:
    """A FastAPI app of this folder in one uvicorn process; its host and port."""
    port = free_port()
    command = (
        *(sys.executable, "-m", "uvicorn", f"bench.peers.{module}:app", "--host", HOST, "--port", str(port)),
        *("--log-level", "warning", "--no-access-log"),
    )
    async with running(command, f"http://{HOST}:{port}/openapi.json", log, **variables):
        yield HOST, port
