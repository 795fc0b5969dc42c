"""Who is heard of, and who is silent for longer than allowed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.fleet import MAY_SEND, Fleet, Presence
from telemetry_svc.columns.frame import Ints, Mask

Devices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a device may be silent unless its type says otherwise, and how long it has to speak at all after it came
    to its status."""

    silence_ms: int
    grace_ms: int

    def ends_ms(self, fleet: Fleet, devices: Devices | slice) -> Ints:
        """When each of these devices is silent for too long, if it says nothing more."""
        silence_ms = fleet.silences(devices, self.silence_ms)
        return np.maximum(fleet.last_seen_ms[devices] + silence_ms, fleet.since_ms[devices] + self.grace_ms)


def judge(
    fleet: Fleet, patience: Patience, now_ms: int, healthy_since_ms: int | None, mine: Mask
) -> tuple[Devices, Devices]:
    """Marks each device of `mine`, a mask of partitions, online or offline; gives those that came and those that went.

    Silence says something of a device only while it could be heard: nobody goes while ingest is not healthy (None), and
    once it is, everybody has the full time again. A device that may not send any more goes at once.
    """
    silence_ms = fleet.silences(slice(None), patience.silence_ms)
    heard = fleet.last_seen_ms > now_ms - silence_ms
    ours = np.resize(mine, fleet.capacity)
    may_send = MAY_SEND[fleet.status]
    came = np.flatnonzero(ours & may_send & heard & (fleet.presence != Presence.ONLINE))
    fleet.presence[came] = Presence.ONLINE
    gone = ~may_send & (fleet.presence == Presence.ONLINE)
    if healthy_since_ms is not None:
        overdue = (now_ms - healthy_since_ms > silence_ms) & (now_ms > patience.ends_ms(fleet, slice(None)))
        gone |= may_send & overdue & (fleet.presence != Presence.OFFLINE)
    went = np.flatnonzero(ours & gone)
    fleet.presence[went] = Presence.OFFLINE
    return came, went
