"""`python -m auth_svc` serves; `python -m auth_svc migrate` prepares what that needs: the newest schema, the queue that
keeps inventory's events, and the first admin."""

import asyncio
import sys
from pathlib import Path

import uvloop

from auth_svc.app import NAME, prepare, running
from auth_svc.settings import MigrationSettings, Settings
from servicekit import logs
from servicekit.database import migrate

MIGRATIONS = Path(__file__).parent / "migrations"


async def _run(settings: Settings) -> None:
    async with running(settings) as server:
        await server.wait()


def main(arguments: list[str]) -> None:
    """Raises SystemExit for settings that are not right, or an unknown command."""
    match arguments:
        case []:
            settings = Settings.from_environment()
            logs.configure(settings.log_level, NAME)
            uvloop.run(_run(settings))
        case ["migrate"]:
            settings = MigrationSettings.from_environment()
            logs.configure(settings.log_level, NAME)
            migrate(settings.postgres_url, MIGRATIONS)
            asyncio.run(prepare(settings))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
