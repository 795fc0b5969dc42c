"""What is deployed: the manifests as a cluster gets them, compose.yaml, and the processes that both must hold."""

import importlib.util
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fieldstock_dev.kubectl import kubectl
from fieldstock_dev.layout import SERVERS_CACHE
from servicekit.settings import PREFIX, ServiceSettings

ROOT = Path(__file__).resolve().parents[2]

Document = dict[str, Any]


@dataclass(frozen=True)
class Process:
    """A process of the product that reads settings; found by its settings, so that a new one is not forgotten."""

    name: str
    folder: Path
    settings: type[ServiceSettings]
    migration: type[ServiceSettings] | None

    @property
    def required(self) -> set[str]:
        return _required(self.settings)

    @property
    def calls(self) -> set[str]:
        """The other processes whose address it takes."""
        return {name.removesuffix("_target") for name in self.settings.model_fields if name.endswith("_target")}

    @property
    def required_to_migrate(self) -> set[str]:
        """The first admin's password besides: it has a default for the sake of those who have an admin."""
        if self.migration is None:
            return set()
        return _required(self.migration) | {
            _variable(name) for name in self.migration.model_fields if name.endswith("_password")
        }

    @property
    def known(self) -> set[str]:
        settings = self.migration or self.settings
        return {_variable(name) for name in settings.model_fields}


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _required(settings: type[ServiceSettings]) -> set[str]:
    return {_variable(name) for name, field in settings.model_fields.items() if field.is_required()}


def _processes() -> list[Process]:
    found = []
    for file in sorted(ROOT.glob("*/*/settings.py")):
        package = file.parent
        module = importlib.import_module(f"{package.name}.settings")
        settings = getattr(module, "Settings", None)
        if not (isinstance(settings, type) and issubclass(settings, ServiceSettings)):
            continue
        migration = None
        if "migrate" in (package / "__main__.py").read_text():
            migration = getattr(module, "MigrationSettings", settings)
        found.append(Process(package.name.removesuffix("_svc"), package.parent, settings, migration))
    return found


PROCESSES = _processes()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "process" in metafunc.fixturenames:
        metafunc.parametrize("process", PROCESSES, ids=lambda process: process.name)
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", [*(process.name for process in PROCESSES), "envoy"])


@pytest.fixture(scope="session")
def processes() -> list[Process]:
    return PROCESSES


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def rendered() -> list[Document]:
    """k8s/base as a cluster gets it."""
    made = subprocess.run(
        (kubectl(SERVERS_CACHE), "kustomize", str(ROOT / "k8s" / "base")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "deprecated" not in made.stderr
    return list(yaml.safe_load_all(made.stdout))


@pytest.fixture(scope="session")
def compose() -> Document:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def _script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"envoy_{name}", ROOT / "envoy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def envoy_configuration() -> Callable[[Mapping[str, str]], str]:
    """The template as Envoy's container fills it, with this checkout's descriptors."""
    start = _script("start")
    descriptors = {"DESCRIPTORS": str(ROOT / "build" / "fieldstock.binpb")}
    return lambda told: start.configuration({**told, **descriptors})


@pytest.fixture(scope="session")
def drain_seconds() -> int:
    return _script("drain").SECONDS
