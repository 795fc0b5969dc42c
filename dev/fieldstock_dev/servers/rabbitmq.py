"""RabbitMQ and the name server of its Erlang machine: private instances in the home, or a broker that was given."""

import os
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from fieldstock_dev.errors import ServerMissing
from fieldstock_dev.home import write_private
from fieldstock_dev.layout import USER, VHOST, Layout
from fieldstock_dev.part import Ending, Launch, Layer, Part, base_environment, fingerprint
from fieldstock_dev.ports import LOOPBACK

_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"
_REMEDY = "Install it (Debian: apt install rabbitmq-server), or give a broker: FIELDSTOCK_AMQP_URL=amqp://user:password@host/vhost"


def rabbitmq(layout: Layout) -> list[Part]:
    return [GivenRabbitMQ(layout)] if layout.settings.amqp_url else [Epmd(layout), LocalRabbitMQ(layout)]


class RabbitMQ(Part):
    """Either kind: healthy when it greets as AMQP brokers do."""

    name = "rabbitmq"
    layer = Layer.SERVERS

    def trouble(self) -> str | None:
        address = urlsplit(self.layout.amqp_url)
        secure = address.scheme == "amqps"
        try:
            with socket.create_connection(
                (address.hostname or LOOPBACK, address.port or (5671 if secure else 5672)), 2
            ) as broker:
                if secure:
                    return None
                broker.settimeout(2)
                broker.sendall(_PROTOCOL_HEADER)
                return None if broker.recv(1) == _METHOD_FRAME else "it does not answer as an AMQP broker"
        except OSError as error:
            return str(error)


class GivenRabbitMQ(RabbitMQ):
    """FIELDSTOCK_AMQP_URL: ours to use, not to run."""

    supervised = False
    patience = 10

    def trouble(self) -> str | None:
        refused = super().trouble()
        return f"FIELDSTOCK_AMQP_URL: {refused}" if refused else None


class Epmd(Part):
    """Erlang's port mapper.

    RabbitMQ would start one that outlives it; supervised, and on a port of this stack's, it ends with the rest.
    """

    name = "epmd"
    ports = ("epmd",)
    layer = Layer.GROUND

    def launch(self) -> Launch:
        port = str(self.layout.ports["epmd"])
        return Launch(command=(_epmd(), "-address", LOOPBACK, "-port", port), environment=base_environment())

    def trouble(self) -> str | None:
        try:
            socket.create_connection((LOOPBACK, self.layout.ports["epmd"]), 2).close()
        except OSError as error:
            return str(error)
        return None


class LocalRabbitMQ(RabbitMQ):
    """One node with its management API, everything on loopback."""

    needs = ("epmd",)
    ports = ("rabbitmq", "rabbitmq_management", "rabbitmq_distribution")
    ending = Ending(seconds=30)

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        if layout.small:
            # Asked to end, it closes its stores at once and lingers for 6 s; what it confirmed survives either way.
            self.ending = Ending(signal="KILL")
        self._data = layout.home.data("rabbitmq")

    def prepare(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        write_private(self._data / "rabbitmq.conf", self._configuration())
        (self._data / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")
        # Named so that the machine's own /etc/rabbitmq/rabbitmq-env.conf is not read.
        (self._data / "rabbitmq-env.conf").touch()

    def _configuration(self) -> str:
        ports, credentials = self.layout.ports, self.layout.credentials
        return f"""\
listeners.tcp.1 = {LOOPBACK}:{ports["rabbitmq"]}
management.tcp.ip = {LOOPBACK}
management.tcp.port = {ports["rabbitmq_management"]}
# Taken at the first start, when the node is empty.
default_vhost = {VHOST}
default_user = {USER}
default_pass = {credentials.rabbitmq_password}
default_user_tags.administrator = true
vm_memory_high_watermark.absolute = {"512MB" if self.layout.small else "1GB"}
# Quorum queues write a log of this size before they tidy up; the default, half a gigabyte, is for larger machines.
raft.wal_max_size_bytes = 64000000
# Twice what a bridge's message may have: whatever is larger is refused before a replica has it in memory.
max_message_size = 8388608
"""

    def launch(self) -> Launch:
        data, ports = str(self._data), self.layout.ports
        environment = base_environment(
            HOME=data,
            ERL_EPMD_ADDRESS=LOOPBACK,
            ERL_EPMD_PORT=str(ports["epmd"]),
            RABBITMQ_NODENAME="fieldstock@localhost",
            RABBITMQ_MNESIA_BASE=f"{data}/mnesia",
            RABBITMQ_LOG_BASE=f"{data}/log",
            RABBITMQ_LOGS="-",
            RABBITMQ_CONFIG_FILE=f"{data}/rabbitmq.conf",
            RABBITMQ_CONF_ENV_FILE=f"{data}/rabbitmq-env.conf",
            RABBITMQ_ENABLED_PLUGINS_FILE=f"{data}/enabled_plugins",
            RABBITMQ_GENERATED_CONFIG_DIR=f"{data}/config",
            RABBITMQ_PID_FILE=f"{data}/rabbitmq.pid",
            RABBITMQ_DIST_PORT=str(ports["rabbitmq_distribution"]),
            # Erlang's schedulers spin for a while before they sleep, which on two cores everybody else pays for.
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=(
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            # Makes the start script become the broker instead of waiting for it: signals meet the broker itself.
            RUNNING_UNDER_SYSTEMD="true",
        )
        return Launch(
            command=(str(server_script()),),
            environment=environment,
            folder=self._data,
            fingerprint=fingerprint(self._configuration()),
        )

    def trouble(self) -> str | None:
        refused = super().trouble()
        if refused:
            return refused
        try:
            # The management API comes up after the broker; tests make their virtual hosts through it.
            httpx.get(f"{self.layout.rabbitmq_management_url}/api/whoami", timeout=5).raise_for_status()
        except httpx.HTTPError as error:
            return str(error)
        return None


def server_script() -> Path:
    """The server's own start script. The one on PATH of Debian's package switches user, which is not wanted here."""
    scripts = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    on_path = shutil.which("rabbitmq-server")
    if on_path and Path(on_path).resolve().parent.name == "sbin" and "rabbitmq_server" in os.path.realpath(on_path):
        scripts.append(Path(on_path).resolve())
    if not scripts:
        raise ServerMissing(
            server="RabbitMQ", problem="there is no rabbitmq_server in /usr/lib/rabbitmq/lib or on PATH", remedy=_REMEDY
        )
    return scripts[-1]


def _epmd() -> str:
    beside_erlang = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    found = shutil.which("epmd") or (str(beside_erlang[-1]) if beside_erlang else None)
    if found is None:
        raise ServerMissing(server="Erlang's epmd", problem="it is not on PATH", remedy=_REMEDY)
    return found
