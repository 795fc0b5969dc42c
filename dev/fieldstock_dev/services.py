"""Our own processes: the services, the steps that prepare their databases, and the simulated devices."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fieldstock_dev.errors import CommandFailed
from fieldstock_dev.layout import Layout
from fieldstock_dev.page import BUILT
from fieldstock_dev.part import Ending, Launch, Layer, Part, base_environment, fingerprint

SIMULATED_DEVICES = 25
_SHARED = ("fieldstock", "servicekit")
"""The stubs, and what every service is made of."""
_TOLD_BY_THE_STACK = frozenset(
    f"FIELDSTOCK_{name}"
    for name in [
        "HOME",
        "PORT",
        "BIND",
        "REPLICAS",
        "GATEWAYS",
        "LISTEN",
        "METRICS_LISTEN",
        "POSTGRES_URL",
        "MONGODB_URI",
        "AMQP_URL",
        "AUTH_TARGET",
        "INVENTORY_TARGET",
        "TELEMETRY_TARGET",
        "PAGE",
        "ADMIN_USERNAME",
        "ADMIN_PASSWORD",
    ]
)


def _environment(contract: Mapping[str, str]) -> dict[str, str]:
    """The contract, and what else whoever starts the stack tells the services (a log level, a trace collector)."""
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("FIELDSTOCK_", "OTEL_")) and name not in _TOLD_BY_THE_STACK
    }
    return base_environment(**passed_on, PYTHONUNBUFFERED="1", **contract)


def _fingerprint_of_code(*packages: str) -> str:
    """Changes when a source file does: `make up` after an edit starts anew what the edit concerns."""
    files = (
        file
        for package in packages
        if (found := importlib.util.find_spec(package)) is not None
        for folder in found.submodule_search_locations or ()
        for file in sorted(Path(folder).rglob("*.py"))
    )
    return fingerprint(*(f"{file} {(stat := file.stat()).st_mtime_ns} {stat.st_size}" for file in files))


class Service(Part):
    """A gRPC service: `python -m <module>`, healthy when grpc.health.v1 says so."""

    module: str
    layer = Layer.SERVICES
    ending = Ending(seconds=20)

    def contract(self) -> dict[str, str]:
        """The variables by which the service learns where everything is."""
        return {
            "FIELDSTOCK_LISTEN": self.layout.target(self.name),
            "FIELDSTOCK_METRICS_LISTEN": self.layout.metrics_target(self.name),
            "FIELDSTOCK_AMQP_URL": self.layout.amqp_url,
        }

    def launch(self) -> Launch:
        command = (sys.executable, "-m", self.module)
        return Launch(
            command=command,
            environment=_environment(self.contract()),
            folder=self.layout.home.path,
            fingerprint=_fingerprint_of_code(self.module, *_SHARED),
        )

    def trouble(self) -> str | None:
        with grpc.insecure_channel(self.layout.target(self.name)) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)  # pyright: ignore[reportAttributeAccessIssue]
            except grpc.RpcError as error:
                return str(error.details() if isinstance(error, grpc.Call) else error)
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            return None
        return f"it says {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"


class Auth(Service):
    name, module = "auth", "auth_svc"
    needs = ("auth-migrate", "rabbitmq")
    ports = ("auth", "auth_metrics")

    def contract(self) -> dict[str, str]:
        return super().contract() | {
            "FIELDSTOCK_POSTGRES_URL": self.layout.database_url("fieldstock_auth"),
            "FIELDSTOCK_ADMIN_USERNAME": self.layout.credentials.admin_username,
            "FIELDSTOCK_ADMIN_PASSWORD": self.layout.credentials.admin_password,
        }


class Inventory(Service):
    name, module = "inventory", "inventory_svc"
    needs = ("inventory-migrate", "rabbitmq", "auth")
    ports = ("inventory", "inventory_metrics")

    def contract(self) -> dict[str, str]:
        return super().contract() | {
            "FIELDSTOCK_POSTGRES_URL": self.layout.database_url("fieldstock_inventory"),
            "FIELDSTOCK_AUTH_TARGET": self.layout.target("auth"),
        }


class Replica(Service):
    """One of several processes of a service, each at a port of its own."""

    def __init__(self, layout: Layout, name: str) -> None:
        super().__init__(layout)
        self.name = name
        self.ports = (name, f"{name}_metrics")


class Telemetry(Replica):
    module = "telemetry_svc"
    needs = ("telemetry-migrate", "rabbitmq", "auth")

    def contract(self) -> dict[str, str]:
        return super().contract() | {
            "FIELDSTOCK_MONGODB_URI": self.layout.mongodb_uri,
            "FIELDSTOCK_AUTH_TARGET": self.layout.target("auth"),
        }


class Receiver(Telemetry):
    def contract(self) -> dict[str, str]:
        return super().contract() | {"FIELDSTOCK_RECEIVER": "true"}


class Gateway(Replica):
    """The Socket.IO edge speaks HTTP, so its health does too."""

    module = "gateway"
    needs = ("auth", "inventory", "telemetry")
    layer = Layer.EDGE

    def contract(self) -> dict[str, str]:
        return super().contract() | {
            "FIELDSTOCK_AUTH_TARGET": self.layout.target("auth"),
            "FIELDSTOCK_INVENTORY_TARGET": self.layout.target("inventory"),
            "FIELDSTOCK_TELEMETRY_TARGET": self.layout.target("telemetry"),
            **({"FIELDSTOCK_PAGE": str(BUILT)} if (BUILT / "index.html").exists() else {}),
        }

    def launch(self) -> Launch:
        launch = super().launch()
        index = BUILT / "index.html"
        # It names its files by their hashes: another one, another page.
        return replace(
            launch, fingerprint=fingerprint(launch.fingerprint, index.read_bytes() if index.exists() else "")
        )

    def trouble(self) -> str | None:
        try:
            answer = httpx.get(f"http://{self.layout.target(self.name)}/healthz", timeout=2)
        except httpx.HTTPError as error:
            return str(error)
        return None if answer.status_code == httpx.codes.OK else f"/healthz answers {answer.status_code}"


class Migration(Part):
    """`python -m <module> migrate`: brings a service's database to what its code expects, before the service starts."""

    supervised = False

    def __init__(self, service: Service, *, needs: tuple[str, ...]) -> None:
        super().__init__(service.layout)
        self.name = f"{service.name}-migrate"
        self.needs = needs
        self.service = service
        """Whose database it is."""

    def settle(self) -> None:
        with self.layout.home.log(self.name).open("wb") as log:
            code = subprocess.run(
                (sys.executable, "-m", self.service.module, "migrate"),
                env=_environment(self.service.contract()),
                cwd=self.layout.home.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            ).returncode
        if code:
            tail = self.layout.home.log(self.name).read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
            raise CommandFailed(what=self.name, code=code, output="\n".join(tail))


class Simulator(Part):
    """Devices that drift, spike and drop out; it registers and deploys them by itself."""

    name = "simulator"
    needs = ("envoy",)
    layer = Layer.DEVICES
    ending = Ending(seconds=10)

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._fleet = layout.home.path / "simulator.json"

    def trouble(self) -> str | None:
        """A fleet is ready once it is enrolled; what it remembers of that, it writes into its file."""
        return None if self._fleet.exists() else "its devices are not registered yet"

    def launch(self) -> Launch:
        command = (
            *(sys.executable, "-m", "fieldstock_device.simulate"),
            *("--url", self.layout.base_url),
            *("--devices", str(SIMULATED_DEVICES)),
            *("--rate", "1"),
            *("--state", str(self._fleet)),
        )
        contract = {
            "FIELDSTOCK_ADMIN_USERNAME": self.layout.credentials.admin_username,
            "FIELDSTOCK_ADMIN_PASSWORD": self.layout.credentials.admin_password,
        }
        return Launch(
            command=command,
            environment=_environment(contract),
            folder=self.layout.home.path,
            fingerprint=_fingerprint_of_code("fieldstock_device", *_SHARED),
        )


def services(layout: Layout) -> list[Part]:
    auth, inventory = Auth(layout), Inventory(layout)
    replicas = [Telemetry(layout, name) for name in layout.telemetry_replicas]
    return [
        Migration(auth, needs=("postgres",)),
        Migration(inventory, needs=("postgres",)),
        Migration(replicas[0], needs=("mongodb",)),
        auth,
        inventory,
        *replicas,
        *(Receiver(layout, name) for name in layout.receivers),
        *(Gateway(layout, name) for name in layout.gateway_replicas),
        Simulator(layout),
    ]
