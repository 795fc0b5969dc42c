"""What inventory-svc takes from its environment."""

from servicekit.settings import Address, PostgresUrl, ServiceSettings


class Settings(ServiceSettings):
    """See ServiceSettings for those that every service has."""

    postgres_url: PostgresUrl
    # auth-svc, whose keys verify the callers' tokens.
    auth_target: Address
