"""How fast the client does things."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """All times in seconds."""

    batch_rows: int = 500
    """A batch with so many readings is sent at once ..."""

    batch_age: float = 1.0
    """... and any other as soon as its first reading is so old."""

    backoff: float = 1.0
    """Bound of the first wait after a failure; doubles with each further one ..."""

    backoff_cap: float = 30.0
    """... up to this ..."""

    refused_cap: float = 60.0
    """... or up to this, when the server answers but refuses the device."""

    patience: float = 30.0
    """A stream that makes no step for so long is given up and opened again."""

    flush: float = 10.0
    """What closing may take, to get the last readings acknowledged."""
