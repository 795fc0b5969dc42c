"""What a person may set, read from the environment once."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from fieldstock_dev.errors import InvalidSetting

CHECKOUT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Each field is the environment variable FIELDSTOCK_<NAME>. An empty variable counts as unset."""

    model_config = SettingsConfigDict(env_prefix="FIELDSTOCK_", env_ignore_empty=True, frozen=True)

    home: Path = CHECKOUT / ".fieldstock"
    """Folder of the data, logs and secrets; relative to the checkout."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    """Envoy's port, the only one that is fixed; 0 = any free one."""
    bind: str = "127.0.0.1"
    """Address that Envoy listens on. Everything else listens on 127.0.0.1."""
    logins_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    """How often one address may try to sign in."""
    replicas: Annotated[int, Field(ge=1, le=8)] = 1
    """Processes of telemetry, each with a port of its own."""
    receivers: Annotated[int, Field(ge=0, le=8)] = 0
    """Processes of telemetry that only take readings; then those come to them alone."""
    gateways: Annotated[int, Field(ge=1, le=8)] = 1
    """Processes of the Socket.IO edge, likewise."""
    admin_username: Annotated[str, Field(min_length=1)] = "admin"
    admin_password: SecretStr | None = None
    postgres_url: SecretStr | None = None
    """A PostgreSQL server whose user may create databases; used instead of a local one."""
    mongodb_uri: SecretStr | None = None
    """A MongoDB replica set; used instead of a local one."""
    amqp_url: SecretStr | None = None
    """A RabbitMQ virtual host; used instead of a local one."""


def settings_from_environment() -> Settings:
    """Fails with InvalidSetting, which names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidSetting(variable=f"FIELDSTOCK_{str(first['loc'][0]).upper()}", problem=first["msg"]) from error
