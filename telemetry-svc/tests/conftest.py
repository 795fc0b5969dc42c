"""telemetry-svc as it runs, with a database and a broker of the test's own, and inventory's events made here."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import pytest
from pymongo import AsyncMongoClient

from fieldstock.inventory.v1 import device_pb2, events_pb2
from fieldstock.telemetry.v1 import (
    alert_service_pb2,
    device_health_service_pb2,
    ingest_service_pb2,
    reading_pb2,
    reading_service_pb2,
    rule_pb2,
    rule_service_pb2,
    stats_service_pb2,
)
from servicekit import testing
from servicekit.access import Kind, Role
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import Issuer, channel_to, eventually
from telemetry_svc import clock as clocks
from telemetry_svc.app import migrate, running
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store, connect


class Clock:
    """The machine's clock, and however much the test moved it."""

    def __init__(self) -> None:
        self._moved_ms = 0

    def __call__(self) -> int:
        return clocks.system() + self._moved_ms

    def move(self, seconds: float) -> None:
        """Lets so much time pass."""
        self._moved_ms += round(seconds * 1000)


def _batch(sequence: int, times: Any = (0,), /, device: Any = (), source_id: str = "", **metrics: Any) -> Any:
    return reading_pb2.ReadingBatch(
        sequence=sequence,
        device_id=[device] if isinstance(device, int) else device,
        time_ms=times,
        source_id=source_id,
        series=[reading_pb2.Series(metric=name, values=values) for name, values in metrics.items()],
    )


class Stream:
    """An open stream of readings."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def send(self, *batches: Any) -> None:
        for one in batches:
            await self.call.write(one)

    async def finish(self) -> Any:
        """Half-closes; the summary."""
        await self.call.done_writing()
        return await asyncio.wait_for(self.call, 10)

    async def ended(self, within: float = 5) -> tuple[Any, Any]:
        """Waits for the server to end it; the error, and the summary of its trailing metadata."""
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await asyncio.wait_for(self.call, within)
        return error.value, self.summary(error.value.trailing_metadata())

    @staticmethod
    def summary(metadata: Any) -> Any:
        return reading_pb2.StreamSummary.FromString(dict(metadata)["stream-summary-bin"])


class Client(testing.Client):
    """All of telemetry's services, called by one principal."""

    protos = (
        alert_service_pb2,
        device_health_service_pb2,
        ingest_service_pb2,
        reading_service_pb2,
        rule_service_pb2,
        stats_service_pb2,
    )

    def stream(self) -> Stream:
        return Stream(self("StreamReadings", None, timeout=None))

    async def send(self, *batches: Any) -> Any:
        """One stream of these batches; its summary."""
        stream = self.stream()
        await stream.send(*batches)
        return await stream.finish()

    async def create(self, device_id: int, metrics: dict[str, float], **fields: Any) -> Any:
        return await self.CreateReading(device_id=device_id, metrics=metrics, **fields)

    async def page(self, device_id: int, **fields: Any) -> Any:
        return await self.ListDeviceReadings(device_id=device_id, **fields)

    async def read(self, device_id: int, **fields: Any) -> list[tuple[int, dict[str, float]]]:
        """All readings of a page, as (milliseconds, metrics)."""
        page = await self.page(device_id, **fields)
        return [(one.time.ToMilliseconds(), dict(one.metrics)) for one in page.readings]

    async def health(self, device_id: int) -> Any:
        return await self.GetDeviceHealth(device_id=device_id)

    async def fleet(self, **fields: Any) -> Any:
        return await self.ListDeviceHealth(**fields)

    async def alerts(self, **fields: Any) -> list[Any]:
        return list((await self.alert_page(**fields)).alerts)

    async def alert_page(self, **fields: Any) -> Any:
        return await self.ListAlerts(**fields)

    async def alert(self, **fields: Any) -> Any:
        """The newest alert that fits, as soon as there is one."""
        return (await eventually(lambda: self.alerts(**fields)))[0]

    async def acknowledge(self, id: str, **fields: Any) -> Any:
        return await self.AcknowledgeAlert(id=id, **fields)

    async def resolve(self, id: str, **fields: Any) -> Any:
        return await self.ResolveAlert(id=id, **fields)

    async def stats(self, **fields: Any) -> Any:
        return await self.GetStats(**fields)

    async def readings(self, **fields: Any) -> Any:
        return await self.ListReadings(**fields)

    async def add_rule(self, **fields: Any) -> Any:
        """A threshold rule: critical, above 85 unless told otherwise."""
        threshold = rule_pb2.Threshold(metric="temperature", direction="above", limit=85)
        values = {"name": "Hot", "kind": "threshold", "severity": "critical", "enabled": True, "threshold": threshold}
        return await self.CreateRule(rule=rule_pb2.Rule(**{**values, **fields}))

    async def rules(self, **fields: Any) -> list[Any]:
        return list((await self.ListRules(**fields)).rules)

    async def get_rule(self, id: str) -> Any:
        return await self.GetRule(id=id)

    async def update_rule(self, id: str, rule: Any) -> Any:
        return await self.UpdateRule(id=id, rule=rule)

    async def delete_rule(self, id: str) -> None:
        await self.DeleteRule(id=id)


class Inventory:
    """Tells of devices, in inventory-svc's place."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._devices: dict[int, device_pb2.Device] = {}
        # Who may ask what the service knows of a device; set once it runs.
        self.admin: Client | None = None

    async def tell(self, device_id: int, status: str, *, key: str = "", wait: bool = True, **fields: Any) -> Any:
        """A device came to a status; returns when the service heard of it."""
        device = self._devices.setdefault(
            device_id, device_pb2.Device(id=device_id, name=f"Device {device_id}", type="sensor")
        )
        device.MergeFrom(device_pb2.Device(**fields))
        device.status = status
        device.version += 1
        device.updated_at.FromMilliseconds(self._clock())
        await self.tell_again(device, key or {"in_stock": "recalled"}.get(status, status))
        if wait and self.admin:
            await eventually(partial(self._known, self.admin, device_id, device.version))
        return device

    @staticmethod
    async def _known(admin: Client, device_id: int, version: int) -> bool:
        try:
            return (await admin.health(device_id)).version >= version
        except grpc.aio.AioRpcError:
            return False

    async def tell_again(self, device: Any, key: str) -> None:
        changed = events_pb2.DeviceChanged(device=device)
        await self._broker.publish(Event.of(f"inventory.device.{key}", changed))

    async def deploy(self, *device_ids: int, **fields: Any) -> None:
        for device_id in device_ids:
            await self.tell(device_id, "deployed", **fields)


@pytest.fixture
def batch() -> Callable[..., Any]:
    """Makes a batch of a sequence, times and metrics (lists, one value for each time)."""
    return _batch


@pytest.fixture
def client() -> type[Client]:
    """Makes a client of a channel and metadata."""
    return Client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(servers: object) -> AsyncIterator[str]:
    """Name of a database with nothing in it."""
    name = f"test_{uuid4().hex}"
    yield name
    async with AsyncMongoClient(os.environ["FIELDSTOCK_MONGODB_URI"]) as client:
        await client.drop_database(name)


@pytest.fixture
def settings(vhost: str, database: str) -> Settings:
    return Settings(
        amqp_url=vhost,
        # A database that the URI itself names would come before the test's own.
        mongodb_uri=urlsplit(os.environ["FIELDSTOCK_MONGODB_URI"])._replace(path=f"/{database}").geturl(),
        auth_target="127.0.0.1:1",
        group_linger_ms=1,
    )


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """The collections, with their indexes, for tests that need no whole service."""
    await migrate(settings)
    async with connect(settings.mongodb_uri, "test") as client:
        yield Store(client.get_default_database(settings.mongodb_database))


@pytest.fixture
def inventory(broker: Broker, clock: Clock) -> Inventory:
    return Inventory(broker, clock)


Start = Callable[[], AbstractAsyncContextManager[grpc.aio.Channel]]


@pytest.fixture
def start(store: Store, settings: Settings, issuer: Issuer, clock: Clock, inventory: Inventory) -> Start:
    """Starts the service, also several times one after the other; gives a channel to it."""

    @asynccontextmanager
    async def starting() -> AsyncIterator[grpc.aio.Channel]:
        async with running(settings, issuer.verifier(), clock) as server, channel_to(server.port) as channel:
            inventory.admin = Client(channel, issuer.metadata())
            yield channel

    return starting


@pytest.fixture
async def channel(start: Start) -> AsyncIterator[grpc.aio.Channel]:
    async with start() as channel:
        yield channel


@pytest.fixture
def admin(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    return Client(channel, issuer.metadata())


@pytest.fixture
def viewer(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    return Client(channel, issuer.metadata(id=2, role=Role.VIEWER))


@pytest.fixture
def device(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    """Device 7, by its own token."""
    return Client(channel, issuer.metadata(Kind.DEVICE, 7))


@pytest.fixture
def gateway(channel: grpc.aio.Channel, issuer: Issuer) -> Client:
    """A site gateway, which sends for any device."""
    return Client(channel, issuer.metadata(Kind.INGEST, 1))
