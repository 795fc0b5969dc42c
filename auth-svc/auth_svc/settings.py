"""What auth-svc takes from its environment."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, PositiveInt, SecretStr

from servicekit.access import LONGEST_TOKEN_SECONDS
from servicekit.settings import PostgresUrl, ServiceSettings

TokenSeconds = Annotated[int, Field(gt=0, le=LONGEST_TOKEN_SECONDS)]


class Settings(ServiceSettings):
    """See ServiceSettings for those that every service has."""

    postgres_url: PostgresUrl
    access_token_seconds: TokenSeconds = 15 * 60
    # A device or a service renews its token by its secret, so its token may live longer than a user's.
    device_token_seconds: TokenSeconds = 60 * 60
    service_token_seconds: TokenSeconds = 60 * 60
    refresh_token_days: PositiveInt = 30
    key_rotation_days: PositiveInt = 30

    @property
    def longest_token(self) -> timedelta:
        """How long a signature of ours may have to be verified."""
        return timedelta(seconds=max(self.access_token_seconds, self.device_token_seconds, self.service_token_seconds))


class MigrationSettings(Settings):
    """Those of `migrate` besides: the first admin, whom the serving process need not know."""

    admin_username: str = "admin"
    # Needed while there is no user yet.
    admin_password: SecretStr = SecretStr("")
