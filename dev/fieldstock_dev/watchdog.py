"""Ends a stack when the process that made it is gone: `python -m fieldstock_dev.watchdog HOME PID START`.

A test run that is killed has no chance to clean up, and its servers would stay for good. The kernel's parent-death
signal would not do: it follows the *thread* that started the child, and fixtures run in threads that come and go.
"""

import os
import select
import sys
from pathlib import Path

from fieldstock_dev.home import Home
from fieldstock_dev.identity import Identity, end
from fieldstock_dev.teardown import end_everything

# It ends what it has started first.
SUPERVISOR_SECONDS = 60


def main() -> None:
    home, maker, start = Home(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    supervisor = Identity.read(home.identity("supervisord"))
    try:
        poll = select.poll()
        made = os.pidfd_open(maker)
        identity = Identity.of(maker)
        if identity and identity.start == start:
            poll.register(made, select.POLLIN)
            if supervisor and supervisor.alive:
                # Taken down by its maker: nothing is left to watch.
                poll.register(os.pidfd_open(supervisor.pid), select.POLLIN)
            if all(descriptor != made for descriptor, _ in poll.poll()):
                return
    except ProcessLookupError:
        pass  # One of the two ended before it could be watched; ending what is left is right for both.
    if home.claimed:
        with home.locked():
            end_everything(home)
    elif supervisor and supervisor.alive:
        # Interrupted while it took the stack down, its maker has removed the home all the same.
        end([supervisor], politely=SUPERVISOR_SECONDS)


if __name__ == "__main__":
    main()
