import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from fieldstock_dev.credentials import credentials_of
from fieldstock_dev.home import Home
from fieldstock_dev.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_only_the_owner_may_read_the_secrets(home: Home) -> None:
    credentials_of(home, Settings())
    assert stat.S_IMODE(home.credentials.stat().st_mode) == 0o600


def test_secrets_are_the_same_at_every_start(home: Home) -> None:
    assert credentials_of(home, Settings()) == credentials_of(home, Settings())


def test_two_homes_have_different_passwords(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = (credentials_of(Home(tmp_path / name), Settings()) for name in ("one", "two"))
    assert one.admin_password != two.admin_password


def test_the_first_admin_is_named_by_the_settings(home: Home) -> None:
    made = credentials_of(home, Settings(admin_username="ada", admin_password=SecretStr("correct horse battery")))
    assert (made.admin_username, made.admin_password) == ("ada", "correct horse battery")


def test_a_password_set_later_does_not_hide_the_one_that_the_account_has(home: Home) -> None:
    first = credentials_of(home, Settings())
    assert credentials_of(home, Settings(admin_password=SecretStr("another"))) == first
