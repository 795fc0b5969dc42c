"""`python -m inventory_svc` serves; `python -m inventory_svc migrate` brings the database to the newest schema."""

from pathlib import Path

from inventory_svc.app import NAME, running
from inventory_svc.settings import Settings
from servicekit import process
from servicekit.database import migrate

MIGRATIONS = Path(__file__).parent / "migrations"


async def _serve(settings: Settings) -> None:
    await process.until_asked(running(settings))


async def _migrate(settings: Settings) -> None:
    migrate(settings.postgres_url, MIGRATIONS)


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve), migrate=(Settings, _migrate))
