"""Where snapshots come from: the services that own the state, asked with the user's own token."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from fieldstock.inventory.v1 import device_service_pb2, device_service_pb2_grpc
from fieldstock.telemetry.v1 import (
    alert_service_pb2,
    alert_service_pb2_grpc,
    device_health_service_pb2,
    device_health_service_pb2_grpc,
    events_pb2,
    stats_service_pb2,
    stats_service_pb2_grpc,
)
from gateway.frames import as_rest
from gateway.topics import ALERTS, DEVICES, PRESENCE, STATS, device_of

ITEMS_AT_MOST = 500
DEADLINE_SECONDS = 5.0

# A message takes tens of microseconds to print; so many of them, and others' events get their turn.
PRINTED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Items as REST shows them; `total` is None when there are more than are known of here."""

    items: list[dict[str, Any]]
    total: int | None


class Sources:
    """Telemetry and inventory, over gRPC."""

    def __init__(self, telemetry: grpc.aio.Channel, inventory: grpc.aio.Channel) -> None:
        self._alerts: Any = alert_service_pb2_grpc.AlertServiceStub(telemetry)
        self._health: Any = device_health_service_pb2_grpc.DeviceHealthServiceStub(telemetry)
        self._stats: Any = stats_service_pb2_grpc.StatsServiceStub(telemetry)
        self._devices: Any = device_service_pb2_grpc.DeviceServiceStub(inventory)

    async def fetch(self, topic: str, token: str) -> Snapshot:
        """Raises grpc.aio.AioRpcError."""
        how = _asking(token)
        if topic == ALERTS:
            alerts = alert_service_pb2.ListAlertsRequest(state="active", page_size=ITEMS_AT_MOST)
            page = await self._alerts.ListAlerts(alerts, **how)
            return await _snapshot(page.alerts, page)
        if topic == DEVICES:
            devices = device_service_pb2.ListDevicesRequest(page_size=ITEMS_AT_MOST)
            page = await self._devices.ListDevices(devices, **how)
            return await _snapshot(page.devices, page)
        if topic == PRESENCE:
            everyone = device_health_service_pb2.ListDeviceHealthRequest(page_size=ITEMS_AT_MOST)
            page = await self._health.ListDeviceHealth(everyone, **how)
            return await _snapshot([_presence(health) for health in page.devices], page)
        if topic == STATS:
            return Snapshot([await self.stats(token)], 1)
        one = device_health_service_pb2.GetDeviceHealthRequest(device_id=device_of(topic) or 0)
        return Snapshot([as_rest(await self._health.GetDeviceHealth(one, **how))], 1)

    async def stats(self, token: str) -> dict[str, Any]:
        """The fleet in numbers, as REST shows them to who says nothing of a window. Raises grpc.aio.AioRpcError."""
        return as_rest(await self._stats.GetStats(stats_service_pb2.GetStatsRequest(), **_asking(token)))


def _asking(token: str) -> Any:
    return {"metadata": (("authorization", f"Bearer {token}"),), "timeout": DEADLINE_SECONDS}


async def _snapshot(messages: Iterable[Message], page: Any) -> Snapshot:
    items: list[dict[str, Any]] = []
    for message in messages:
        items.append(as_rest(message))
        if len(items) % PRINTED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return Snapshot(items, None if page.next_page_token else len(items))


def _presence(health: Any) -> events_pb2.PresenceChanged:
    """A device's presence in the shape of its event.

    Its version is the time the device was last heard of, by the same clock as the versions of the events: a change to
    offline comes later than that, and whatever changed before it did is older.
    """
    version = health.last_seen.ToMilliseconds() if health.HasField("last_seen") else 0
    return events_pb2.PresenceChanged(
        device_id=health.device_id,
        online=health.online,
        last_seen=health.last_seen if health.HasField("last_seen") else None,
        version=version,
    )
