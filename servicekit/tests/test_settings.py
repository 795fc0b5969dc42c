"""Settings come from the environment; a wrong one is named."""

import os

import pytest

from servicekit.settings import Address, PostgresUrl, ServiceSettings

GOOD = {"AMQP_URL": "amqp://u:p@broker:5672/v", "POSTGRES_URL": "postgresql://u:p@db/name", "AUTH_TARGET": "auth:81"}


class Settings(ServiceSettings):
    postgres_url: PostgresUrl
    auth_target: Address
    origins: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch):
    for name in [name for name in os.environ if name.startswith("FIELDSTOCK_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch):
    def set_to(**variables):
        for name, value in (GOOD | variables).items():
            monkeypatch.setenv(f"FIELDSTOCK_{name}", value)

    return set_to


def test_they_are_read_from_the_environment(environment):
    environment(LOG_LEVEL="WARNING", METRICS_LISTEN="[::1]:9100")
    settings = Settings.from_environment()
    assert (settings.amqp_url, settings.auth_target) == (GOOD["AMQP_URL"], "auth:81")
    assert (settings.listen, settings.metrics_listen, settings.log_level) == ("127.0.0.1:0", "[::1]:9100", "warning")


def test_every_missing_one_is_named():
    with pytest.raises(SystemExit) as ended:
        Settings.from_environment()
    assert all(f"FIELDSTOCK_{name}: Field required" in str(ended.value) for name in GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMQP_URL", ""),
        ("AMQP_URL", "http://broker"),
        ("AMQP_URL", "amqp://u:secret@broker:http/"),
        ("POSTGRES_URL", "mongodb://db"),
        ("POSTGRES_URL", "postgresql://u:secret@/name"),
        ("AUTH_TARGET", "auth"),
        ("AUTH_TARGET", ":81"),
        ("LISTEN", "127.0.0.1:65536"),
        ("METRICS_LISTEN", "9100"),
        ("LOG_LEVEL", "loud"),
        ("ORIGINS", "https://a.example"),
    ],
)
def test_a_malformed_one_is_named_once_and_its_secret_is_not_told(environment, name, value):
    environment(**{name: value})
    with pytest.raises(SystemExit) as ended:
        Settings.from_environment()
    assert str(ended.value).lower().count(name.lower()) == 1
    assert "secret" not in str(ended.value)
