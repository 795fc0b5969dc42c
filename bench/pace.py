"""How long the measurements take their time: seconds that count, or a try-out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of what is measured, of a peer, of warming up before it, and of one try at what a peer likes best."""

    seconds: float = 20.0
    peer_seconds: float = 8.0
    warm_up: float = 3.0
    probe: float = 1.0
    # Of fleets and data sets that take long to make: this part of them.
    size: float = 1.0


FULL = Pace()
# To see that everything works: its figures mean little.
QUICK = Pace(seconds=3.0, peer_seconds=2.0, warm_up=1.0, probe=0.5, size=0.05)
