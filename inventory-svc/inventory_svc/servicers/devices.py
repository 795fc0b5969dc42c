"""fieldstock.inventory.v1.DeviceService: read, call, render."""

from typing import Any

from fieldstock.inventory.v1 import device_pb2, device_service_pb2, device_service_pb2_grpc
from inventory_svc.actions import Result, on_each
from inventory_svc.codec import device_to_proto, log_to_proto
from inventory_svc.devices import Devices
from inventory_svc.models import Device, Status
from inventory_svc.repository.listing import DeviceFilter
from inventory_svc.servicers.bulk import action_of, ids_of
from inventory_svc.servicers.changes import changes_of
from inventory_svc.servicers.requests import (
    LONGEST_LOCATION,
    LONGEST_NAME,
    LONGEST_NOTES,
    LONGEST_SERIAL,
    LONGEST_TYPE,
    ORDERS,
    filter_of,
    location_of,
    moment_of,
    object_of,
    order_of,
    version_of,
    why_of,
)
from servicekit.access import caller, own_device
from servicekit.fields import Fields
from servicekit.paging import ID, read_page


class DeviceServicer(device_service_pb2_grpc.DeviceServiceServicer):
    """Devices over gRPC, and through Envoy over REST."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices

    async def GetDevice(self, request: Any, context: Any) -> device_pb2.Device:
        own_device(request.id)
        return device_to_proto(await self._devices.get(request.id))

    async def ListDevices(self, request: Any, context: Any) -> Any:
        return await self._list(request, filter_of(request, request.status))

    async def ListInStockDevices(self, request: Any, context: Any) -> Any:
        return await self._list(request, filter_of(request, Status.IN_STOCK))

    async def ListDeployedDevices(self, request: Any, context: Any) -> Any:
        return await self._list(request, filter_of(request, Status.DEPLOYED))

    async def RegisterDevice(self, request: Any, context: Any) -> Any:
        fields = Fields()
        values = {
            "name": fields.text("name", request.name, longest=LONGEST_NAME, required=True),
            "type": fields.text("type", request.type, longest=LONGEST_TYPE, required=True),
            "serial_number": fields.text("serial_number", request.serial_number, longest=LONGEST_SERIAL, required=True),
            "location": fields.text("location", request.location, longest=LONGEST_LOCATION),
            "purchase_date": fields.day("purchase_date", request.purchase_date),
            "notes": fields.prose("notes", request.notes, longest=LONGEST_NOTES),
            "specs": object_of(fields, "specs", request.specs),
        }
        fields.check()
        device, secret = await self._devices.register(**values, by=caller())
        return device_service_pb2.RegisterDeviceResponse(
            device=device_to_proto(device), credential=_credential(device, secret)
        )

    async def UpdateDevice(self, request: Any, context: Any) -> device_pb2.Device:
        fields = Fields()
        why = why_of(fields, request)
        values = changes_of(fields, request)
        return device_to_proto(await self._devices.update(request.id, values, by=caller(), **why))

    async def DeployDevice(self, request: Any, context: Any) -> device_pb2.Device:
        fields = Fields()
        reserved_for = fields.text("reserved_for", request.reserved_for, longest=LONGEST_NAME)
        location, why = _action(fields, request, Status.DEPLOYED)
        whom = {"reserved_for": reserved_for, "override": request.override}
        return device_to_proto(await self._devices.deploy(request.id, location, by=caller(), **whom, **why))

    async def RecallDevice(self, request: Any, context: Any) -> device_pb2.Device:
        location, why = _action(Fields(), request, Status.IN_STOCK)
        return device_to_proto(await self._devices.recall(request.id, location, by=caller(), **why))

    async def MaintainDevice(self, request: Any, context: Any) -> device_pb2.Device:
        location, why = _action(Fields(), request, Status.MAINTENANCE)
        return device_to_proto(await self._devices.maintain(request.id, location, by=caller(), **why))

    async def ReserveDevice(self, request: Any, context: Any) -> device_pb2.Device:
        fields = Fields()
        reserved_for = fields.text("reserved_for", request.reserved_for, longest=LONGEST_NAME, required=True)
        until = moment_of(fields, "until", request)
        fields.one_of("status", request.status, [Status.RESERVED])
        why = why_of(fields, request)
        fields.check()
        return device_to_proto(await self._devices.reserve(request.id, reserved_for, until, by=caller(), **why))

    async def RelocateDevice(self, request: Any, context: Any) -> device_pb2.Device:
        fields = Fields()
        location, why = location_of(fields, request), why_of(fields, request)
        fields.check()
        return device_to_proto(await self._devices.relocate(request.id, location, by=caller(), **why))

    async def ActOnDevices(self, request: Any, context: Any) -> Any:
        action = action_of(request, self._devices, caller())
        results = await on_each(await ids_of(request, self._devices), action)
        failed = sum(result.error is not None for result in results)
        return device_service_pb2.ActOnDevicesResponse(
            results=[_result(result) for result in results], succeeded=len(results) - failed, failed=failed
        )

    async def RetireDevice(self, request: Any, context: Any) -> device_pb2.Device:
        fields = Fields()
        why = why_of(fields, request)
        fields.check()
        return device_to_proto(await self._devices.retire(request.id, by=caller(), **why))

    async def RenewCredential(self, request: Any, context: Any) -> device_pb2.Credential:
        fields = Fields()
        version = version_of(fields, request)
        fields.check()
        return _credential(*await self._devices.renew_credential(request.id, by=caller(), version=version))

    async def ListDeviceLogs(self, request: Any, context: Any) -> Any:
        page = read_page(request, ID)
        before = int(page.after[0]) if page.after else None
        logs = await self._devices.logs(request.id, before=before, limit=page.size + 1)
        return device_service_pb2.ListDeviceLogsResponse(
            logs=[log_to_proto(log) for log in logs[: page.size]],
            next_page_token=page.token([logs[page.size - 1].id]) if len(logs) > page.size else "",
        )

    async def _list(self, request: Any, which: DeviceFilter) -> Any:
        order = order_of(request)
        page = read_page(request, *ORDERS[order.by])
        devices = await self._devices.page(which, order, after=page.after, limit=page.size + 1)
        more = len(devices) > page.size
        return device_service_pb2.ListDevicesResponse(
            devices=[device_to_proto(device) for device in devices[: page.size]],
            next_page_token=page.token(order.position(devices[page.size - 1])) if more else "",
        )


def _action(fields: Fields, request: Any, leads_to: Status) -> tuple[str, dict[str, Any]]:
    location = location_of(fields, request)
    fields.one_of("status", request.status, [leads_to])
    why = why_of(fields, request)
    fields.check()
    return location, why


def _credential(device: Device, secret: str) -> device_pb2.Credential:
    return device_pb2.Credential(serial_number=device.serial_number, secret=secret)


def _result(result: Result) -> Any:
    message = device_service_pb2.ActionResult(id=result.id)
    if result.device is not None:
        message.device.CopyFrom(device_to_proto(result.device))
    if result.error is not None:
        message.reason, message.message = result.error.reason, result.error.message
    return message
