"""k8s/base: valid, and true to what the processes are."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gateway.server import DRAIN_SECONDS as EDGE_DRAIN_SECONDS
from servicekit.server import DRAIN_SECONDS

Document = dict[str, Any]
# A `sleep` before the signal is on by default since the older; the newer is the newest that the schemas know.
OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
NAME = "app.kubernetes.io/name"
SECRETS = re.compile(r"_(URL|URI|PASSWORD)$")
# What a cluster's secrets may hold.
HELD = {
    "postgres-url": "postgresql://fieldstock:secret@postgres:5432/fieldstock",
    "mongodb-uri": "mongodb://mongodb:27017/fieldstock_telemetry?replicaSet=rs0",
    "amqp-url": "amqp://fieldstock:secret@rabbitmq:5672/fieldstock",
}


def one(rendered: list[Document], kind: str, name: str) -> Document:
    found = [each for each in rendered if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def pod(rendered: list[Document], name: str) -> Document:
    return one(rendered, "Deployment", name)["spec"]["template"]["spec"]


def container(rendered: list[Document], name: str) -> Document:
    (only,) = pod(rendered, name)["containers"]
    return only


def migration(rendered: list[Document], name: str) -> Document | None:
    return next(iter(pod(rendered, name).get("initContainers", [])), None)


def environment(rendered: list[Document], of: Document) -> dict[str, str]:
    """What the container is told; a secret as secret:<name>/<key>."""
    told: dict[str, str] = {}
    for source in of.get("envFrom", []):
        told |= one(rendered, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in of.get("env", []):
        if "value" in variable:
            told[variable["name"]] = variable["value"]
        else:
            secret = variable["valueFrom"]["secretKeyRef"]
            assert not secret.get("optional")
            told[variable["name"]] = f"secret:{secret['name']}/{secret['key']}"
    return told


def port(of: Document, name: str) -> int:
    return next(each["containerPort"] for each in of["ports"] if each["name"] == name)


def matches(selector: Document, labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    assert all(each["operator"] == "In" for each in selector.get("matchExpressions", []))
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])
    )


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_manifest_is_valid(rendered, version):
    for document in rendered:
        kubernetes_validate.validate(document, version, strict=True)


def test_all_is_in_the_namespace_and_says_what_it_is_part_of(rendered):
    for document in rendered:
        assert document["kind"] == "Namespace" or document["metadata"]["namespace"] == "fieldstock"
        if document["kind"] in {"Deployment", "Service", "PodDisruptionBudget", "ServiceAccount"}:
            labels = document["metadata"]["labels"]
            assert labels[NAME] == document["metadata"]["name"]
            assert labels["app.kubernetes.io/part-of"] == "fieldstock"


def test_every_process_is_deployed_and_nothing_else(rendered, processes):
    deployed = {document["metadata"]["name"] for document in rendered if document["kind"] == "Deployment"}
    assert deployed == {process.name for process in processes} | {"envoy"}


def test_whatever_selects_selects_its_own_pods(rendered, name):
    labels = one(rendered, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
    assert labels[NAME] == name
    assert one(rendered, "Service", name)["spec"]["selector"] == {NAME: name}
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert one(rendered, kind, name)["spec"]["selector"] == {"matchLabels": {NAME: name}}
    assert [spread["labelSelector"] for spread in pod(rendered, name)["topologySpreadConstraints"]] == [
        {"matchLabels": {NAME: name}}
    ]


def test_a_pod_may_do_nothing_that_it_need_not(rendered, name):
    spec = pod(rendered, name)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert one(rendered, "ServiceAccount", spec["serviceAccountName"])["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & set(spec)
    for each in [*spec["containers"], *spec.get("initContainers", [])]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(each["resources"]["requests"])
        assert "memory" in each["resources"]["limits"]


def test_no_variable_of_kubernetes_own_comes_between_ours(rendered, name):
    assert pod(rendered, name)["enableServiceLinks"] is False


def test_a_process_is_told_what_its_settings_require(rendered, process):
    assert process.required <= set(environment(rendered, container(rendered, process.name)))


def test_a_migration_is_told_what_its_settings_require(rendered, process):
    migrating = migration(rendered, process.name)
    if process.migration is None:
        assert migrating is None
        return
    assert migrating is not None
    assert migrating["args"] == ["migrate"]
    assert migrating["image"] == container(rendered, process.name)["image"]
    assert process.required_to_migrate <= set(environment(rendered, migrating))


def test_settings_are_taken_as_they_are_given(rendered, process, monkeypatch):
    told = environment(rendered, container(rendered, process.name))
    for variable, value in told.items():
        monkeypatch.setenv(variable, HELD[value.partition("/")[2]] if value.startswith("secret:") else value)
    settings = process.settings.from_environment()
    assert settings.listen == told["FIELDSTOCK_LISTEN"]


def test_a_process_is_told_nothing_of_its_own_that_it_does_not_know(rendered, process):
    for each in filter(None, [container(rendered, process.name), migration(rendered, process.name)]):
        assert {variable["name"] for variable in each["env"]} <= process.known


def test_secrets_come_from_outside_and_each_process_has_its_own(rendered, process):
    assert not [document for document in rendered if document["kind"] == "Secret"]
    for each in filter(None, [container(rendered, process.name), migration(rendered, process.name)]):
        for variable, value in environment(rendered, each).items():
            assert value.startswith(f"secret:{process.name}/") == bool(SECRETS.search(variable)), variable


def test_whoever_deploys_is_told_of_every_secret(rendered, process, root):
    told = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    (command,) = [line for line in told.splitlines() if f"create secret generic {process.name} " in line]
    wanted = {
        value
        for each in filter(None, [container(rendered, process.name), migration(rendered, process.name)])
        for value in environment(rendered, each).values()
        if value.startswith("secret:")
    }
    assert set(re.findall(r"--from-literal=([\w-]+)=", command)) == {value.partition("/")[2] for value in wanted}


def test_the_serving_process_does_not_know_the_first_admin(rendered):
    assert "FIELDSTOCK_ADMIN_PASSWORD" not in environment(rendered, container(rendered, "auth"))


def test_ports_are_those_that_the_process_listens_on(rendered, process):
    serving = container(rendered, process.name)
    told = environment(rendered, serving)
    kind = "http" if process.name == "gateway" else "grpc"
    listening = {kind: told["FIELDSTOCK_LISTEN"], "metrics": told["FIELDSTOCK_METRICS_LISTEN"]}
    assert {each["name"]: f"0.0.0.0:{each['containerPort']}" for each in serving["ports"]} == listening
    service = one(rendered, "Service", process.name)["spec"]
    assert service["clusterIP"] == "None"
    # A name that leads to the pods themselves knows no other port than theirs.
    assert {each["targetPort"]: each["port"] for each in service["ports"]} == {
        each["name"]: each["containerPort"] for each in serving["ports"]
    }


def test_every_target_is_a_service_and_its_port(rendered, process):
    told = environment(rendered, container(rendered, process.name))
    for callee in process.calls:
        name, number = told[f"FIELDSTOCK_{callee.upper()}_TARGET"].split(":")
        assert name == callee
        assert int(number) == port(container(rendered, callee), "grpc")


def test_probes_ask_where_the_process_answers(rendered, process):
    serving = container(rendered, process.name)
    probes = [serving[f"{which}Probe"] for which in ("startup", "readiness", "liveness")]
    if process.name == "gateway":
        assert [probe.get("httpGet") for probe in probes[:2]] == [{"path": "/healthz", "port": "http"}] * 2
        # The edge is not healthy while the broker is away, and a new start would not mend that.
        assert probes[2]["tcpSocket"] == {"port": "http"}
    else:
        assert [probe["grpc"] for probe in probes] == [{"port": port(serving, "grpc")}] * 3


def test_a_pod_is_given_the_time_that_its_end_takes(rendered, process):
    drain = EDGE_DRAIN_SECONDS if process.name == "gateway" else DRAIN_SECONDS
    sleep = container(rendered, process.name)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(rendered, process.name)["terminationGracePeriodSeconds"] >= sleep + 2 * drain


def test_an_upgrade_takes_nobody_away_before_another_is_there(rendered, name):
    strategy = one(rendered, "Deployment", name)["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
    # A budget that never allowed one to go would hold up every drain of a node.
    assert one(rendered, "PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1


def admitted(rendered: list[Document], caller: dict[str, str], called: dict[str, str], port: str) -> bool:
    """Whether the network's policies let one pod call another of the same namespace."""
    policies = [
        document["spec"]
        for document in rendered
        if document["kind"] == "NetworkPolicy" and matches(document["spec"]["podSelector"], called)
    ]
    assert policies, "nobody is kept out"
    for rule in (rule for policy in policies for rule in policy.get("ingress", [])):
        peers = rule.get("from")
        if {"port": port} in rule["ports"] and (
            peers is None or any("podSelector" in peer and matches(peer["podSelector"], caller) for peer in peers)
        ):
            return True
    return False


def test_only_those_who_have_to_may_call(rendered, processes):
    calls = {(process.name, callee) for process in processes for callee in process.calls}
    calls |= {("envoy", process.name) for process in processes}
    names = [*(process.name for process in processes), "envoy"]
    for caller in names:
        for callee in (process.name for process in processes):
            if caller != callee:
                kind = "http" if callee == "gateway" else "grpc"
                allowed = admitted(rendered, {NAME: caller}, {NAME: callee}, kind)
                assert allowed == ((caller, callee) in calls), f"{caller} → {callee}"
    assert admitted(rendered, {"app": "a stranger"}, {NAME: "envoy"}, "http")


def test_envoy_is_told_where_everybody_is(rendered, processes, envoy_configuration):
    told = environment(rendered, container(rendered, "envoy"))
    filled = yaml.safe_load(envoy_configuration(told))
    clusters = {cluster["name"]: cluster for cluster in filled["static_resources"]["clusters"]}
    # There are no receivers: readings go to all of telemetry.
    leads_to = {process.name: process.name for process in processes} | {"ingest": "telemetry"}
    assert set(clusters) == {*leads_to, "self"}
    for cluster, name in leads_to.items():
        (endpoints,) = clusters[cluster]["load_assignment"]["endpoints"]
        address = endpoints["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        kind = "http" if name == "gateway" else "grpc"
        assert address == {"address": name, "port_value": port(container(rendered, name), kind)}
    (listener,) = filled["static_resources"]["listeners"]
    serving = container(rendered, "envoy")
    assert listener["address"]["socket_address"] == {"address": "0.0.0.0", "port_value": port(serving, "http")}


def test_envoy_has_time_to_drain(rendered, drain_seconds):
    spec = pod(rendered, "envoy")
    (serving,) = spec["containers"]
    assert serving["lifecycle"]["preStop"]["exec"]["command"] == ["python", "/envoy/drain.py"]
    assert spec["terminationGracePeriodSeconds"] >= drain_seconds + 10
