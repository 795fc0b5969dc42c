"""A process's settings: read once from the environment, typed, and wrong ones named at start."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

PREFIX = "FIELDSTOCK_"


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be host:port")
    return value


def _url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        try:
            parts = urlsplit(value)
            if parts.scheme in schemes and parts.hostname and parts.port != 0:
                return value
        except ValueError:  # a port that is no number: told as all the rest, without the URL, which holds a password
            pass
        raise ValueError(f"must be {schemes[0]}://user:password@host:port/name")

    return AfterValidator(check)


# host:port
Address = Annotated[str, AfterValidator(_address)]
AddressOrNothing = Annotated[str, AfterValidator(lambda value: value and _address(value))]
# postgresql://user:password@host:port/database
PostgresUrl = Annotated[str, _url("postgresql", "postgres")]
# amqp://user:password@host:port/vhost
AmqpUrl = Annotated[str, _url("amqp", "amqps")]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)]


class ServiceSettings(BaseSettings):
    """What every service takes from its environment; a service adds its own fields."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    # Port 0 takes a free one.
    listen: Address = "127.0.0.1:0"
    # The Prometheus endpoint; empty: none.
    metrics_listen: AddressOrNothing = ""
    log_level: LogLevel = "info"
    amqp_url: AmqpUrl

    @classmethod
    def from_environment(cls) -> Self:
        """Raises SystemExit that names each variable which is missing or malformed."""
        try:
            return cls()  # pyright: ignore[reportCallIssue] - the environment gives them
        except ValidationError as error:
            wrong = {f"{PREFIX}{str(each['loc'][0]).upper()}: {each['msg']}": None for each in error.errors()}
        except SettingsError as error:  # what should have been JSON; it names the field
            wrong = {str(error): None}
        raise SystemExit("\n  ".join(["The settings are not right:", *wrong]))
