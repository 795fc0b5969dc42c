"""The Dockerfiles: one for every process, well made, and all from the lock."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent


def stages(dockerfile: Path) -> list[list[str]]:
    """The instructions of each stage; comments and empty lines left out, continued lines joined."""
    found: list[list[str]] = []
    for line in dockerfile.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if line.startswith("FROM "):
            found.append([])
        if line and not line.startswith("#"):
            found[-1].append(" ".join(line.split()))
    return found


@pytest.fixture
def dockerfiles(processes, root) -> dict[str, Path]:
    return {process.name: process.folder / "Dockerfile" for process in processes} | {
        "envoy": root / "envoy" / "Dockerfile"
    }


def test_the_linter_has_nothing_to_say(dockerfiles):
    linted = subprocess.run((BIN / "hadolint", *dockerfiles.values()), capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_an_image_holds_nothing_that_the_lock_does_not_pin(dockerfiles, name):
    fetch, build, *_ = stages(dockerfiles[name])
    assert "pip download --no-cache-dir --require-hashes --requirement /requirements.lock" in fetch[-1]
    for step in build:
        if "pip" in step:
            assert "--no-index --find-links /wheels" in step


def test_the_gateway_has_the_page_built_from_its_lock(dockerfiles):
    page, final = stages(dockerfiles["gateway"])[-2:]
    assert any(step.startswith("RUN npm ci ") for step in page)
    folder = next(step for step in page if "vite" in step).split()[-1]
    assert f"COPY --from=page {folder} {folder}" in final
    assert f"ENV FIELDSTOCK_PAGE={folder}" in final


def test_all_images_share_the_layer_of_what_is_fetched(dockerfiles):
    assert len({tuple(stages(file)[0]) for file in dockerfiles.values()}) == 1
    assert len({stages(file)[-1][0] for file in dockerfiles.values()}) == 1


def test_a_process_is_not_root_and_gets_its_signals_itself(dockerfiles, name):
    final = stages(dockerfiles[name])[-1]
    user, entry = (next(line for line in final if line.startswith(word)) for word in ("USER", "ENTRYPOINT"))
    assert user == "USER 10001:10001"
    assert entry.startswith('ENTRYPOINT ["')
    assert "sh" not in entry.split('"')


def test_an_image_runs_the_package_of_its_folder(process):
    final = stages(process.folder / "Dockerfile")[-1]
    package = process.settings.__module__.split(".")[0]
    assert f'ENTRYPOINT ["/venv/bin/python", "-m", "{package}"]' in final


def test_what_an_image_copies_is_let_through(dockerfiles, root, name):
    let_through = {
        line.removeprefix("!") for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    for stage in stages(dockerfiles[name]):
        for step in stage:
            words = step.split()
            if words[0] == "COPY" and not words[1].startswith("--from"):
                assert all((root / source).exists() for source in words[1:-1])
                assert {source.split("/")[0] for source in words[1:-1]} <= let_through


def test_a_missing_variable_of_envoys_is_named(envoy_configuration):
    with pytest.raises(SystemExit, match="INVENTORY_HOST: Field required"):
        envoy_configuration({})


def test_an_image_has_the_version_of_what_is_in_it(process, root):
    version = tomllib.loads((process.folder / "pyproject.toml").read_text())["project"]["version"]
    kustomization = yaml.safe_load((root / "k8s" / "base" / "kustomization.yaml").read_text())
    assert {"name": f"fieldstock-{process.name}", "newTag": version} in kustomization["images"]
