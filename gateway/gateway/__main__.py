"""`python -m gateway` serves the edge."""

import asyncio
import signal

import uvloop

from gateway.app import NAME, running
from gateway.settings import Settings
from servicekit import logs


async def _run(settings: Settings) -> None:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    async with running(settings):
        await asked.wait()


def main() -> None:
    """Raises SystemExit for settings that are not right."""
    settings = Settings.from_environment()
    logs.configure(settings.log_level, NAME)
    uvloop.run(_run(settings))


if __name__ == "__main__":
    main()
