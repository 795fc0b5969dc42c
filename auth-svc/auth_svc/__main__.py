"""`python -m auth_svc` serves; `python -m auth_svc migrate` prepares what that needs: the newest schema, the queue that
keeps inventory's events, and the first admin."""

from pathlib import Path

from auth_svc.app import NAME, prepare, running
from auth_svc.settings import MigrationSettings, Settings
from servicekit import process
from servicekit.database import migrate

MIGRATIONS = Path(__file__).parent / "migrations"


async def _serve(settings: Settings) -> None:
    await process.until_asked(running(settings))


async def _migrate(settings: MigrationSettings) -> None:
    migrate(settings.postgres_url, MIGRATIONS)
    await prepare(settings)


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve), migrate=(MigrationSettings, _migrate))
