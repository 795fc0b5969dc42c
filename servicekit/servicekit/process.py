"""A process from its first line to its last: settings, logs, work, and the end that it is asked for."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvloop

from servicekit import logs
from servicekit.settings import ServiceSettings

# So many new objects between two searches for cycles, which make all else wait; few of a request's objects are in any.
NEW_OBJECTS = 20_000

# What it needs to know, and what it does with that.
Command = tuple[type[ServiceSettings], Callable[[Any], Coroutine[Any, Any, None]]]


def main(name: str, usage: str | None, **commands: Command) -> None:
    """Runs the command that the command line names, `serve` when it names none.

    Raises SystemExit for settings that are not right, an unknown command, and a failure, which the log tells.
    """
    command = commands.get(" ".join(sys.argv[1:]) or "serve")
    if command is None:
        raise SystemExit(usage)
    settings_type, work = command
    settings = settings_type.from_environment()
    logs.configure(settings.log_level, name)
    try:
        uvloop.run(work(settings))
    except Exception:  # noqa: BLE001 - whatever it is, it is told as JSON like all the rest
        logs.logger.exception("process_failed")
        raise SystemExit(1) from None


async def until_asked(running: AbstractAsyncContextManager[object]) -> None:
    """Runs something until SIGTERM or SIGINT. Before it has started, a signal ends the process at once."""
    asked = asyncio.Event()
    async with running:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked.set)
        # What is there now stays until the end: the search passes over it.
        gc.freeze()
        gc.set_threshold(NEW_OBJECTS)
        await asked.wait()
