"""What inventory-svc takes from its environment."""

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """See ServiceSettings for those that every service has."""

    # postgresql://user:password@host:port/database
    postgres_url: str
    # host:port of auth-svc, whose keys verify the callers' tokens.
    auth_target: str
