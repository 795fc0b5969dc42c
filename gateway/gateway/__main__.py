"""`python -m gateway` serves the edge."""

import gc
import resource

from gateway.app import NAME, running
from gateway.settings import Settings
from servicekit import process

# A client is a few hundred objects that stay. By default the collector looks at all of them again whenever seven
# hundred more were made: with five thousand clients, half of the time that an alert took was that.
COLLECT_AFTER = (50_000, 20, 50)


async def _serve(settings: Settings) -> None:
    gc.set_threshold(*COLLECT_AFTER)
    # A client is an open file, and the usual limit is 1,024 of them. How far that may be raised is not ours to say.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    await process.until_asked(running(settings))


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve))
