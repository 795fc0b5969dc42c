"""A process's settings: read once from the environment, typed, and wrong ones named at start."""

from typing import Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "FIELDSTOCK_"


class ServiceSettings(BaseSettings):
    """What every service takes from its environment; a service adds its own fields."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    # host:port; port 0 takes a free one.
    listen: str = "127.0.0.1:0"
    # host:port of the Prometheus endpoint; empty: none.
    metrics_listen: str = ""
    log_level: str = "info"
    amqp_url: str

    @classmethod
    def from_environment(cls) -> Self:
        """Raises SystemExit that names each variable which is missing or malformed."""
        try:
            return cls()  # pyright: ignore[reportCallIssue] - the environment gives them
        except ValidationError as error:
            lines = [f"  {PREFIX}{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
            raise SystemExit("\n".join(["The settings are not right:", *lines])) from None
