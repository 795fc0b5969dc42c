"""`python -m gateway` serves the edge."""

import gc

from gateway.app import NAME, running
from gateway.settings import Settings
from servicekit import process

# A client is a few hundred objects that stay. By default the collector looks at all of them again whenever seven
# hundred more were made: with five thousand clients, half of the time that an alert took was that.
COLLECT_AFTER = (50_000, 20, 50)


async def _serve(settings: Settings) -> None:
    gc.set_threshold(*COLLECT_AFTER)
    await process.until_asked(running(settings))


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve))
