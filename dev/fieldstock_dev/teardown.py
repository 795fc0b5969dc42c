"""Ending a stack: exactly what it started, from the top down, also when its supervisor is gone."""

import os
from collections.abc import Iterator

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
    names, identities = [], []
    for name, identity in _noted(home):
        if identity.pid == os.getpid():
            continue  # The watchdog, ending what its maker left.
        members = identity.group()
        if identity.alive and identity not in members:
            members.append(identity)
        if members:
            if name not in (DAEMON, WATCHDOG):
                names.append(name)
            identities += members
    survivors = end(identities)
    if survivors:
        raise StillRunning(processes=", ".join(str(survivor.pid) for survivor in survivors))
    return names


def _noted(home: Home) -> Iterator[tuple[str, Identity]]:
    for file in sorted(home.run.glob("*.pid.json")):
        identity = Identity.read(file)
        if identity:
            yield file.name.removesuffix(".pid.json"), identity
