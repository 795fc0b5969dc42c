"""fieldstock.telemetry.v1.DeviceHealthService: read, call, render."""

from typing import Any

from fieldstock.telemetry.v1 import device_health_service_pb2, device_health_service_pb2_grpc
from servicekit.access import own_device
from servicekit.fields import Fields
from servicekit.paging import ID, MILLISECONDS, TEXT, Part, read_page
from telemetry_svc.codec import health
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.errors import UnknownDevice
from telemetry_svc.registry import Registry
from telemetry_svc.watch.alerts import Alerts
from telemetry_svc.watch.directory import Directory, Order, Question
from telemetry_svc.watch.rules import SEVERITIES, Severity

STATUSES = [status.name.lower() for status in Status if status is not Status.UNKNOWN]
LONGEST_TYPE, LONGEST_LOCATION, LONGEST_Q = 50, 100 + len("/*"), 100
# What the positions of each order are made of.
SHAPES: dict[Order, tuple[Part, ...]] = {
    Order.ID: (ID,),
    Order.NAME: (TEXT, ID),
    Order.LAST_SEEN: (MILLISECONDS, ID),
    Order.SEVERITY: (range(len(SEVERITIES) + 1), ID),
}


class DeviceHealthServicer(device_health_service_pb2_grpc.DeviceHealthServiceServicer):
    """How the devices are doing."""

    def __init__(self, fleet: Fleet, registry: Registry, alerts: Alerts, directory: Directory) -> None:
        self._fleet = fleet
        self._registry = registry
        self._alerts = alerts
        self._directory = directory

    async def GetDeviceHealth(self, request: Any, context: Any) -> device_health_service_pb2.DeviceHealth:
        own_device(request.device_id)
        if self._fleet.status_of(request.device_id) is Status.UNKNOWN:
            raise UnknownDevice(device_id=request.device_id)
        return (await self._render([request.device_id]))[0]

    async def ListDeviceHealth(self, request: Any, context: Any) -> device_health_service_pb2.ListDeviceHealthResponse:
        question = _question(request)
        page = read_page(request, *SHAPES[question.order])
        found, more = await self._directory.page(question, page.size, page.after)
        return device_health_service_pb2.ListDeviceHealthResponse(
            devices=await self._render([int(position[-1]) for position in found]),
            next_page_token=page.token(found[-1]) if more else "",
        )

    async def _render(self, ids: list[int]) -> list[device_health_service_pb2.DeviceHealth]:
        documents = await self._registry.documents(ids)
        counts, worst = dict.fromkeys(ids, 0), dict.fromkeys(ids, -1)
        columns = await self._alerts.open_by_severity({"device_id": {"$in": ids}})
        for device_id, rank, count in zip(*(column.tolist() for column in columns), strict=True):
            counts[device_id] += count
            worst[device_id] = max(worst[device_id], rank)
        return [
            health(
                self._fleet,
                device_id,
                documents.get(device_id, {}),
                counts[device_id],
                SEVERITIES[worst[device_id]] if worst[device_id] >= 0 else "",
            )
            for device_id in ids
        ]


def _question(request: Any) -> Question:
    fields = Fields()
    status = fields.one_of("status", request.status, STATUSES)
    order = request.order_by.removeprefix("-")
    if request.order_by and order not in list(Order):
        fields.refuse("order_by", f"must be {' or '.join(Order)}, with or without a leading -")
    severity = fields.one_of("severity", request.severity, list(Severity))
    device_type = fields.text("type", request.type, longest=LONGEST_TYPE)
    location = fields.text("location", request.location, longest=LONGEST_LOCATION)
    q = fields.text("q", request.q, longest=LONGEST_Q)
    fields.check()
    return Question(
        status=Status[status.upper()] if status else None,
        type=device_type,
        location=location,
        online=request.online if request.HasField("online") else None,
        severity=severity,
        q=q,
        order=Order(order) if order else Order.ID,
        backwards=request.order_by.startswith("-"),
    )
