"""Ending a stack: exactly what it started, from the top down, also when its supervisor is gone."""

import os

from fieldstock_dev.errors import StillRunning
from fieldstock_dev.home import Home
from fieldstock_dev.identity import Identity, end
from fieldstock_dev.supervision import DAEMON, RESTING, Supervisor

WATCHDOG = "watchdog"
_LONGEST_ENDING = 30


def end_everything(home: Home) -> list[str]:
    """End what runs in this home; returns the names in the order of their ends. The caller holds the home's lock."""
    ended = []
    supervisor = Supervisor(home)
    processes = supervisor.processes()
    if supervisor.running:
        for layer in supervisor.layers():
            running = [name for name in layer if processes[name].state not in RESTING]
            supervisor.stop_processes(running, _LONGEST_ENDING)
            ended += running
        supervisor.shutdown()
    return ended + end_leftovers(home)


def end_leftovers(home: Home) -> list[str]:
    """End what a supervisor left behind when it was killed, or a server when it was. Returns their names."""
    left = leftovers(home)
    survivors = end(identity for members in left.values() for identity in members)
    if survivors:
        raise StillRunning(processes=", ".join(str(survivor.pid) for survivor in survivors))
    return [name for name in left if name not in (DAEMON, WATCHDOG)]


def leftovers(home: Home) -> dict[str, list[Identity]]:
    """What still runs of all that was ever started here, by name."""
    left = {}
    for file in sorted(home.run.glob("*.pid.json")):
        identity = Identity.read(file)
        # Our own: the watchdog, ending what its maker left.
        if identity is None or identity.pid == os.getpid():
            continue
        members = identity.group()
        if identity.alive and identity not in members:
            members.append(identity)
        if members:
            left[file.name.removesuffix(".pid.json")] = members
    return left
