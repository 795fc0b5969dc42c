"""Where everything of one stack is: its addresses, as every part of it needs to know them."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from fieldstock_dev.credentials import Credentials
from fieldstock_dev.errors import NotOurs
from fieldstock_dev.home import Home
from fieldstock_dev.ports import LOOPBACK, Ports
from fieldstock_dev.settings import CHECKOUT, Settings

SERVERS_CACHE = CHECKOUT / "build" / "servers"
DESCRIPTORS = CHECKOUT / "build" / "fieldstock.binpb"
ENVOY_TEMPLATE = CHECKOUT / "envoy" / "envoy.yaml"

USER = "fieldstock"
VHOST = "fieldstock"
REPLICA_SET = "rs0"
TELEMETRY_DATABASE = "fieldstock_telemetry"


@dataclass(frozen=True)
class Layout:
    """`small` asks for the sizes of a test: less memory, no waiting for the disk where only a power cut would show."""

    home: Home
    ports: Ports
    credentials: Credentials
    settings: Settings
    small: bool = False

    @property
    def postgres_url(self) -> str:
        """The server, as a user who may create databases."""
        if self.settings.postgres_url:
            return self.settings.postgres_url.get_secret_value()
        return f"postgresql://{USER}:{self.credentials.postgres_password}@{LOOPBACK}:{self.ports['postgres']}/postgres"

    def database_url(self, database: str) -> str:
        """One database of that server."""
        return urlunsplit(urlsplit(self.postgres_url)._replace(path=f"/{database}"))

    @property
    def mongodb_uri(self) -> str:
        """The replica set, with telemetry's database as the default one."""
        if self.settings.mongodb_uri:
            given = urlsplit(self.settings.mongodb_uri.get_secret_value())
            named = given.path not in ("", "/")
            return urlunsplit(given if named else given._replace(path=f"/{TELEMETRY_DATABASE}"))
        return f"mongodb://{LOOPBACK}:{self.ports['mongodb']}/{TELEMETRY_DATABASE}?replicaSet={REPLICA_SET}"

    @property
    def amqp_url(self) -> str:
        if self.settings.amqp_url:
            return self.settings.amqp_url.get_secret_value()
        return f"amqp://{USER}:{self.credentials.rabbitmq_password}@{LOOPBACK}:{self.ports['rabbitmq']}/{VHOST}"

    @property
    def rabbitmq_management_url(self) -> str:
        """RabbitMQ's HTTP API, name and password included. Fails with NotOurs for a broker given by the environment."""
        if self.settings.amqp_url:
            raise NotOurs(server="RabbitMQ", variable="FIELDSTOCK_AMQP_URL", what="management address")
        port = self.ports["rabbitmq_management"]
        return f"http://{USER}:{self.credentials.rabbitmq_password}@{LOOPBACK}:{port}"

    @property
    def base_url(self) -> str:
        """REST and Socket.IO, through Envoy; no slash at its end."""
        bind = self.settings.bind
        host = {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(bind, f"[{bind}]" if ":" in bind else bind)
        return f"http://{host}:{self.ports['envoy']}"

    @property
    def telemetry_replicas(self) -> tuple[str, ...]:
        """The names of telemetry's processes: `telemetry`, `telemetry-2`, …"""
        return _numbered("telemetry", self.settings.replicas)

    @property
    def receivers(self) -> tuple[str, ...]:
        """Those that only take readings: `receiver`, `receiver-2`, …; mostly there are none."""
        return _numbered("receiver", self.settings.receivers)

    @property
    def gateway_replicas(self) -> tuple[str, ...]:
        """Those of the edge: `gateway`, `gateway-2`, …"""
        return _numbered("gateway", self.settings.gateways)

    def target(self, service: str) -> str:
        """`host:port` of a service, past Envoy."""
        return f"{LOOPBACK}:{self.ports[service]}"

    def metrics_target(self, service: str) -> str:
        return f"{LOOPBACK}:{self.ports[f'{service}_metrics']}"


def _numbered(service: str, count: int) -> tuple[str, ...]:
    return tuple(service if number == 1 else f"{service}-{number}" for number in range(1, count + 1))
