"""fieldstock.telemetry.v1.DeviceHealthService: read, call, render."""

from typing import Any

import numpy as np

from fieldstock.telemetry.v1 import device_health_service_pb2, device_health_service_pb2_grpc
from servicekit.access import own_device
from servicekit.paging import ID, read_page
from telemetry_svc.codec import health
from telemetry_svc.columns.fleet import Fleet, Presence, Status
from telemetry_svc.errors import UnknownDevice
from telemetry_svc.registry import Registry
from telemetry_svc.watch.alerts import Alerts


class DeviceHealthServicer(device_health_service_pb2_grpc.DeviceHealthServiceServicer):
    """How the devices are doing."""

    def __init__(self, fleet: Fleet, registry: Registry, alerts: Alerts) -> None:
        self._fleet = fleet
        self._registry = registry
        self._alerts = alerts

    async def GetDeviceHealth(self, request: Any, context: Any) -> device_health_service_pb2.DeviceHealth:
        own_device(request.device_id)
        if self._fleet.status_of(request.device_id) is Status.UNKNOWN:
            raise UnknownDevice(device_id=request.device_id)
        return (await self._render([request.device_id]))[0]

    async def ListDeviceHealth(self, request: Any, context: Any) -> device_health_service_pb2.ListDeviceHealthResponse:
        page = read_page(request, ID)
        online = request.online if request.HasField("online") else None
        ids = self._ids(online, int(page.after[0]) if page.after else 0, page.size + 1)
        shown = ids[: page.size]
        return device_health_service_pb2.ListDeviceHealthResponse(
            devices=await self._render(shown),
            next_page_token=page.token([shown[-1]]) if len(ids) > len(shown) else "",
        )

    def _ids(self, online: bool | None, after: int, size: int) -> list[int]:
        wanted = self._fleet.status[after + 1 :] != Status.UNKNOWN
        if online is not None:
            wanted &= (self._fleet.presence[after + 1 :] == Presence.ONLINE) == online
        return (np.flatnonzero(wanted)[:size] + after + 1).tolist()

    async def _render(self, ids: list[int]) -> list[device_health_service_pb2.DeviceHealth]:
        documents = await self._registry.documents(ids)
        alerts = await self._alerts.count_open(ids)
        return [
            health(self._fleet, device_id, documents.get(device_id, {}).get("name", ""), alerts.get(device_id, 0))
            for device_id in ids
        ]
