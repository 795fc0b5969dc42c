"""The client's account of itself."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counters:
    """What became of the readings (rows)."""

    sent: int = 0
    """Handed to the network; what is sent twice counts twice."""

    acknowledged: int = 0
    """On a majority's disk, or rejected for good."""

    rejected: Counter[str] = field(default_factory=Counter)
    """Rejected for good, by reason."""

    dropped: int = 0
    """Lost to the full buffer, or a disk that failed, before they were acknowledged."""

    streams: int = 0
    """Streams opened."""

    reconnects: int = 0
    """Streams opened because the attempt before failed, not because it was time."""
