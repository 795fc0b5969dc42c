"""What the edge takes from its environment."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from servicekit.settings import Address, ServiceSettings


class Limits(BaseModel):
    """What one client may cost. Seconds and counts."""

    model_config = ConfigDict(frozen=True)

    topics_per_client: int = 100
    # A device's readings reach a client at most once in this time.
    seconds_between_readings: float = 1.0
    # The fleet's numbers are told at most once in this time, and so long after a change that telemetry knows of it.
    seconds_between_stats: float = 5.0
    seconds_until_stats: float = 1.0
    # More frames than this, or bytes of them, waiting for so long, and the client is told to come back.
    backlog: int = 1_000
    backlog_bytes: int = 4 * 1024 * 1024
    backlog_seconds: float = 10.0
    # From opening the connection to a token that is taken.
    seconds_to_authenticate: float = 10.0
    # The longest that one frame may wait for room in the connection's buffer.
    stall_seconds: float = 30.0
    # Between two attempts at a snapshot whose source is away: the first pause, and the longest.
    first_retry_seconds: float = 0.5
    longest_retry_seconds: float = 15.0


class Settings(ServiceSettings):
    """See ServiceSettings for those that every service has."""

    # The services that the edge asks.
    auth_target: Address
    telemetry_target: Address
    inventory_target: Address
    # Whose pages may connect: scheme://host[:port]. None given: those of the host that is connected to.
    allowed_origins: frozenset[str] = frozenset()
    # The folder of the built dashboard; without it there is none at `/`.
    page: Path | None = None
    limits: Limits = Limits()
