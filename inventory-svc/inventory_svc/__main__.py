"""`python -m inventory_svc` serves; `python -m inventory_svc migrate` brings the database to the newest schema."""

import sys
from pathlib import Path

import uvloop

from inventory_svc.app import NAME, running
from inventory_svc.settings import Settings
from servicekit import logs
from servicekit.database import migrate

MIGRATIONS = Path(__file__).parent / "migrations"


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
            migrate(settings.postgres_url, MIGRATIONS)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
