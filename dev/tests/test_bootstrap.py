import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def bootstrap() -> ModuleType:
    """It is a script that must run without this package, so it is not part of it."""
    spec = importlib.util.spec_from_file_location("bootstrap", Path(__file__).parents[1] / "bootstrap.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bare(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """On a machine that has no server and no environment yet."""
    monkeypatch.setattr(bootstrap, "postgres_found", lambda: False)
    monkeypatch.setattr(bootstrap, "rabbitmq_found", lambda: False)
    monkeypatch.setattr(bootstrap, "BUILD", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return bootstrap


def test_missing_servers_are_to_be_installed(bare: ModuleType) -> None:
    assert bare.missing_packages(with_servers=True) == ["postgresql", "rabbitmq-server"]
    assert bare.mongod_missing()


def test_servers_named_by_the_environment_are_not(bare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDSTOCK_POSTGRES_URL", "postgresql://me@elsewhere/")
    monkeypatch.setenv("FIELDSTOCK_AMQP_URL", "amqp://elsewhere/")
    monkeypatch.setenv("FIELDSTOCK_MONGODB_URI", "mongodb://elsewhere/?replicaSet=rs0")
    assert bare.missing_packages(with_servers=True) == []
    assert not bare.mongod_missing()


def test_an_empty_variable_names_no_server(bare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDSTOCK_POSTGRES_URL", "")
    assert "postgresql" in bare.missing_packages(with_servers=True)


def test_the_browser_is_for_those_who_test(bare: ModuleType, tmp_path: Path) -> None:
    assert "chromium" not in bare.missing_packages(with_servers=True)
    assert bare.missing_packages(with_servers=False, with_browser=True) == ["chromium"]
    (tmp_path / "chromium").touch(mode=0o755)
    assert bare.missing_packages(with_servers=False, with_browser=True) == []


def test_where_nothing_can_be_installed_one_is_told_what_to_do(bare: ModuleType) -> None:
    with pytest.raises(bare.CannotInstall, match=r"no apt-get.*postgresql(.|\n)*FIELDSTOCK_POSTGRES_URL"):
        bare.install_system_packages(["postgresql"])


def test_without_root_and_sudo_one_is_told_what_root_must_do(
    bare: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setattr(bare.os, "getuid", lambda: 1000)
    with pytest.raises(bare.CannotInstall, match="As root: apt-get install postgresql"):
        bare.install_system_packages(["postgresql"])


def test_a_changed_lock_is_installed_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for package in bootstrap.PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "pyproject.toml").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    lock = tmp_path / "requirements.lock"
    lock.write_text("numpy==2.4.0\n")
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "LOCK", lock)
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp.json")
    steps = bootstrap.stale()
    assert set(steps) == {"lock", "packages"}
    bootstrap.write_stamp(steps)
    assert bootstrap.stale() == {}
    (tmp_path / "dev" / "pyproject.toml").write_text("[project]")
    assert set(bootstrap.stale()) == {"packages"}
    lock.write_text("numpy==2.4.1\n")
    assert set(bootstrap.stale()) == {"lock", "packages"}


def test_a_failed_step_shows_its_last_words(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    monkeypatch.setattr(bootstrap, "LOG", tmp_path / "bootstrap.log")
    with pytest.raises(
        bootstrap.CannotInstall, match=r"Failed: fetching(.|\n)*no route(.|\n)*bootstrap.log(.|\n)*Try later"
    ):
        bootstrap.run("fetching", ("/bin/sh", "-c", "echo WARNING: noise; echo no route; exit 7"), hint="Try later")
