"""Tasks that end when they are told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from servicekit.logs import logger

T = TypeVar("T")

# Time to clean up before a task is asked again.
ASK_AGAIN_SECONDS = 1.0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancels tasks until they have ended.

    Once is not always enough: asyncio.wait_for of Python 3.11, which pymongo makes its connections with, can swallow a
    cancellation (seen once in about a hundred). For the same reason nothing here leans on asyncio.TaskGroup.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=ASK_AGAIN_SECONDS)


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Runs until one of them ends, and then ends the others. Raises what that one raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        await end(*tasks)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # looked at: what another one raised at the same moment is the same trouble


@asynccontextmanager
async def in_background(
    work: Coroutine[Any, Any, None], finish: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Runs something that never ends by itself for as long as the block runs; then it is cancelled, or, with `finish`,
    told to come to its end and waited for. When it fails, the block is cancelled, and this raises what it failed with:
    a process that does half of its work is worse than one that is started anew."""
    host = asyncio.current_task()
    ending = failed = False

    def look(task: asyncio.Task[None]) -> None:
        nonlocal failed
        if not task.cancelled() and (error := task.exception()):
            logger.error("work_ended", work=repr(task.get_coro()), exc_info=error)
            failed = not ending
            if failed and host:
                host.cancel()

    task = asyncio.create_task(work)
    task.add_done_callback(look)
    try:
        yield
    except asyncio.CancelledError:
        if failed and host:
            host.uncancel()
            await task
        raise
    finally:
        ending = True
        if finish and not task.done():
            finish()
            await task
        await end(task)
    if failed:
        await task  # the block ended by itself before it could be cancelled


async def wait_for(work: Awaitable[T], timeout: float | None) -> T:
    """As asyncio.wait_for of Python 3.12: the work is done by the task that waits for it.

    That of 3.11 starts another task; cancelled while it ends that one, it leaves it behind, and whatever that one still
    gets hold of is held for ever.
    """
    async with asyncio.timeout(timeout):
        return await work
