"""Time as this service has it: milliseconds since 1970, handed in to whatever judges by it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]


def system() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware moment."""
    return round(moment.timestamp() * 1000)


def moment(time_ms: int) -> datetime:
    """The aware moment, in UTC, of milliseconds since 1970."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)
