"""The secrets of one stack: made once, kept in a file that only its owner reads, the same at every start."""

import json
import secrets
import string
from dataclasses import asdict, dataclass

from fieldstock_dev.home import Home, write_private
from fieldstock_dev.settings import Settings

# No characters that a person mistakes for others, and none that a URL or a configuration file would have to escape.
_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))


def _password(length: int = 20) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True)
class Credentials:
    admin_username: str
    admin_password: str
    postgres_password: str
    rabbitmq_password: str


def credentials_of(home: Home, settings: Settings) -> Credentials:
    """The home's secrets, made now if it has none.

    The first admin is as the settings said *then*: accounts outlive settings.
    """
    if home.credentials.exists():
        return Credentials(**json.loads(home.credentials.read_text(encoding="utf-8")))
    given = settings.admin_password
    made = Credentials(
        admin_username=settings.admin_username,
        admin_password=given.get_secret_value() if given else _password(),
        postgres_password=_password(),
        rabbitmq_password=_password(),
    )
    write_private(home.credentials, json.dumps(asdict(made), indent=2) + "\n")
    return made
