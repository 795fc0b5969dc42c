"""The edge as it runs, on a real broker; telemetry and inventory are fakes that keep to their contracts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest

from fieldstock.inventory.v1 import device_pb2, device_service_pb2, device_service_pb2_grpc
from fieldstock.telemetry.v1 import (
    alert_pb2,
    alert_service_pb2,
    alert_service_pb2_grpc,
    device_health_service_pb2,
    device_health_service_pb2_grpc,
    events_pb2,
    stats_service_pb2,
    stats_service_pb2_grpc,
)
from gateway.app import Edge, running
from gateway.settings import Limits, Settings
from gateway.testing import PATIENCE, Watcher
from servicekit.access import Verifier
from servicekit.broker import Broker
from servicekit.errors import ServiceError
from servicekit.event import Event
from servicekit.server import Server, serve
from servicekit.testing import Issuer, eventually, fresh_vhost


class UnknownDevice(ServiceError):
    """There is no device {device_id}."""

    code, reason = grpc.StatusCode.NOT_FOUND, "UNKNOWN_DEVICE"


class Telemetry(alert_service_pb2_grpc.AlertServiceServicer):
    """Alerts and health, as told by the test. Answers wait while `open` is not set."""

    def __init__(self) -> None:
        self.alerts: list[alert_pb2.Alert] = []
        self.health: dict[int, device_health_service_pb2.DeviceHealth] = {}
        self.stats = stats_service_pb2.Stats()
        # Tokens, in the order in which the numbers were asked for.
        self.counted_for: list[str] = []
        self.asked: list[Any] = []
        self.open = asyncio.Event()
        self.open.set()

    async def ListAlerts(self, request: Any, context: Any) -> Any:
        answer = alert_service_pb2.ListAlertsResponse()
        answer.alerts.extend(self.alerts[: request.page_size])
        if len(self.alerts) > request.page_size:
            answer.next_page_token = "more"
        return await self.answer(request, answer)

    @staticmethod
    def healthy(device_id: int, *, online: bool = True, last_seen_ms: int = 0) -> Any:
        """A device's health; 0: never heard of."""
        health = device_health_service_pb2.DeviceHealth(device_id=device_id, status="deployed", online=online)
        if last_seen_ms:
            health.last_seen.FromMilliseconds(last_seen_ms)
        return health

    async def answer(self, request: Any, answer: Any) -> Any:
        """What was so when it was asked, given when the test lets it."""
        self.asked.append(request)
        await self.open.wait()
        return answer


class Health(device_health_service_pb2_grpc.DeviceHealthServiceServicer):
    """The part of Telemetry that is a proto service of its own."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def ListDeviceHealth(self, request: Any, context: Any) -> Any:
        answer = device_health_service_pb2.ListDeviceHealthResponse(devices=self._telemetry.health.values())
        return await self._telemetry.answer(request, answer)

    async def GetDeviceHealth(self, request: Any, context: Any) -> Any:
        if request.device_id not in self._telemetry.health:
            raise UnknownDevice(device_id=request.device_id)
        return await self._telemetry.answer(request, self._telemetry.health[request.device_id])


class Stats(stats_service_pb2_grpc.StatsServiceServicer):
    """The part of Telemetry that counts."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def GetStats(self, request: Any, context: Any) -> Any:
        metadata = dict(context.invocation_metadata())
        self._telemetry.counted_for.append(metadata["authorization"].removeprefix("Bearer "))
        return await self._telemetry.answer(request, self._telemetry.stats)


class Inventory(device_service_pb2_grpc.DeviceServiceServicer):
    """Devices, as told by the test."""

    def __init__(self) -> None:
        self.devices: list[device_pb2.Device] = []

    async def ListDevices(self, request: Any, context: Any) -> Any:
        return device_service_pb2.ListDevicesResponse(devices=self.devices)


class Services:
    """Telemetry and inventory on one port, which stays the same when they are stopped and started."""

    def __init__(self, issuer: Issuer) -> None:
        self.telemetry = Telemetry()
        self.inventory = Inventory()
        self.verifier = issuer.verifier()
        self._running: Any = None
        self.port = 0

    async def start(self) -> None:
        self._running = serve(
            f"127.0.0.1:{self.port}",
            [
                (alert_service_pb2_grpc.add_AlertServiceServicer_to_server, self.telemetry),
                (device_health_service_pb2_grpc.add_DeviceHealthServiceServicer_to_server, Health(self.telemetry)),
                (stats_service_pb2_grpc.add_StatsServiceServicer_to_server, Stats(self.telemetry)),
                (device_service_pb2_grpc.add_DeviceServiceServicer_to_server, self.inventory),
            ],
            self.verifier,
        )
        server: Server = await self._running.__aenter__()
        self.port = server.port

    async def stop(self) -> None:
        self.telemetry.open.set()
        await self._running.__aexit__(None, None, None)


@pytest.fixture(scope="module")
def vhost(servers: object) -> Iterator[str]:
    """Shared by a module's tests: an edge leaves nothing behind in it."""
    with fresh_vhost() as url:
        yield url


@pytest.fixture
async def services(issuer: Issuer) -> AsyncIterator[Services]:
    both = Services(issuer)
    await both.start()
    yield both
    await both.stop()


@pytest.fixture
def telemetry(services: Services) -> Telemetry:
    return services.telemetry


@pytest.fixture
def inventory(services: Services) -> Inventory:
    return services.inventory


@pytest.fixture
def limits() -> Limits:
    """Times short enough for a test, long enough to be kept."""
    return Limits(
        seconds_between_readings=0.2,
        seconds_between_stats=0.2,
        seconds_until_stats=0.05,
        first_retry_seconds=0.05,
        longest_retry_seconds=0.2,
    )


@pytest.fixture
def settings(vhost: str, services: Services, limits: Limits) -> Settings:
    target = f"127.0.0.1:{services.port}"
    return Settings(
        amqp_url=vhost, auth_target="127.0.0.1:1", telemetry_target=target, inventory_target=target, limits=limits
    )


@asynccontextmanager
async def _serving(settings: Settings, verifier: Verifier | None = None) -> AsyncIterator[Edge]:
    """An edge that is ready."""
    async with running(settings, verifier) as edge, httpx.AsyncClient() as http:

        async def healthy() -> bool:
            return (await http.get(f"http://127.0.0.1:{edge.port}/healthz")).status_code == 200

        await eventually(healthy, PATIENCE)
        yield edge


@pytest.fixture
def serving() -> Any:
    """`async with serving(settings, verifier) as edge`: an edge other than the usual one."""
    return _serving


@pytest.fixture
async def edge(settings: Settings, issuer: Issuer) -> AsyncIterator[Edge]:
    async with _serving(settings, issuer.verifier()) as edge:
        yield edge


@pytest.fixture
async def watcher_of(edge: Edge) -> AsyncIterator[Callable[[], Watcher]]:
    """Makes clients that are not connected yet."""
    made: list[Watcher] = []

    def make() -> Watcher:
        made.append(Watcher(edge.port))
        return made[-1]

    yield make
    for watcher in made:
        await watcher.socket.disconnect()


@pytest.fixture
async def watcher(watcher_of: Callable[[], Watcher], issuer: Issuer) -> Watcher:
    """A connected client, of the administrator."""
    watcher = watcher_of()
    await watcher.connect({"token": issuer.token()})
    return watcher


class Publisher:
    """The services' side of the broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    async def alert(self, what: str = "opened", **fields: Any) -> alert_pb2.Alert:
        alert = alert_pb2.Alert(**{"id": "a1", "device_id": 7, "version": 1, **fields})
        await self.broker.publish(Event.of(f"telemetry.alert.{what}", events_pb2.AlertChanged(alert=alert)))
        return alert

    async def presence(self, device_id: int, online: bool, version: int) -> None:
        changed = events_pb2.PresenceChanged(device_id=device_id, online=online, version=version)
        word = "online" if online else "offline"
        await self.broker.publish(Event.of(f"telemetry.presence.{word}", changed))

    async def readings(self, **columns: Any) -> None:
        """`columns`: device_id and time_ms; all others are metrics."""
        batch = events_pb2.LatestReadings(device_id=columns.pop("device_id"), time_ms=columns.pop("time_ms"))
        for metric, values in columns.items():
            batch.series.add(metric=metric, values=values)
        assert await self.broker.publish_live("readings", batch)


@pytest.fixture
async def publisher(vhost: str, edge: Edge) -> AsyncIterator[Publisher]:
    async with Broker(vhost, "services") as broker:

        async def connected() -> bool:
            return broker.connected

        await eventually(connected, PATIENCE)
        yield Publisher(broker)
