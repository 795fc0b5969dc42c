"""A service as a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def command(module: str, *arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module arguments`, told of FIELDSTOCK_<variables> and nothing else; killed if it is still there."""
    environment = {f"FIELDSTOCK_{name}": value for name, value in variables.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def log_line(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    """The next line of a process's log that tells of `event`. Raises ValueError for a line that is not JSON."""
    async with asyncio.timeout(20):
        while True:
            assert process.stderr is not None
            line = json.loads(await process.stderr.readline())
            if line["event"] == event:
                return line
