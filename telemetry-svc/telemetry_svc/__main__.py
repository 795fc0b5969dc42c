"""`python -m telemetry_svc` serves; `python -m telemetry_svc migrate` makes the collections and their indexes."""

import sys

import uvloop

from servicekit import logs
from telemetry_svc.app import NAME, migrate, running
from telemetry_svc.settings import Settings


async def _run(settings: Settings) -> None:
    async with running(settings) as server:
        await server.wait()


def main(arguments: list[str]) -> None:
    """Raises SystemExit for settings that are not right, or an unknown command."""
    settings = Settings.from_environment()
    logs.configure(settings.log_level, NAME)
    match arguments:
        case []:
            uvloop.run(_run(settings))
        case ["migrate"]:
            uvloop.run(migrate(settings))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
