"""`python -m gateway` serves the edge."""

from gateway.app import NAME, running
from gateway.settings import Settings
from servicekit import process


async def _serve(settings: Settings) -> None:
    await process.until_asked(running(settings))


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve))
