"""Work that comes up by itself, done again and again by every replica; each piece of it is done once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from servicekit.errors import DatabaseUnavailable
from servicekit.logs import logger


@asynccontextmanager
async def repeating(work: Callable[[], Awaitable[object]], seconds: float) -> AsyncIterator[None]:
    """Does some work every so many seconds while the block runs, whatever became of it the time before."""
    task = asyncio.create_task(_repeat(work, seconds))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _repeat(work: Callable[[], Awaitable[object]], seconds: float) -> None:
    while True:
        try:
            await work()
        except DatabaseUnavailable as error:
            logger.warning("periodic_work_waits", error=str(error))
        except Exception:  # noqa: BLE001 - the next round may go better, and must be
            logger.exception("periodic_work_failed")
        await asyncio.sleep(seconds)
