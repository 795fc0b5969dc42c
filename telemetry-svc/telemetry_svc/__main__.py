"""`python -m telemetry_svc` serves; `python -m telemetry_svc migrate` makes the collections and their indexes."""

from servicekit import process
from telemetry_svc.app import NAME, migrate, running
from telemetry_svc.settings import Settings


async def _serve(settings: Settings) -> None:
    await process.until_asked(running(settings))


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve), migrate=(Settings, migrate))
