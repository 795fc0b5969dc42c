"""What telemetry-svc takes from its environment."""

from pydantic import Field

from servicekit.settings import Address, ServiceSettings


class Settings(ServiceSettings):
    """See ServiceSettings for those that every service has."""

    mongodb_uri: str
    # Used when the URI names no database.
    mongodb_database: str = "fieldstock_telemetry"
    # auth-svc, whose keys verify the callers' tokens.
    auth_target: Address

    # A receiver stores what comes and leaves the watch and the fold to the other replicas, as long as there are any.
    receiver: bool = False

    # How long a group of readings waits for company, at least: latency against the number of writes.
    group_linger_ms: float = Field(default=5, ge=0)
    # How long a group is tried before its senders have to send it again.
    commit_patience_seconds: float = Field(default=10, gt=0)
    # Readings older than that are refused, and removed; a type of devices may say otherwise.
    retention_days: float = Field(default=365, gt=0)
    # A partition (a 64th of the fleet) is folded when the journal has so many of its rows, or the oldest waits so long.
    fold_rows: int = Field(default=100_000, gt=0)
    fold_seconds: float = Field(default=300, gt=0)
    # At that size of the journal, ingest waits for the fold.
    journal_megabytes: float = Field(default=4_096, gt=0)
    # A sender is asked to end its stream after that long; only then does it learn what is stored.
    rotate_after_seconds: float = Field(default=5, gt=0)
    # With many streams they stay open longer, so that no more begin than these.
    stream_opens_per_second: float = Field(default=500, gt=0)

    # A device that is silent for longer is offline.
    silence_seconds: float = Field(default=60, gt=0)
    # One that was just deployed gets that long to be switched on.
    grace_seconds: float = Field(default=300, ge=0)
