"""fieldstock.inventory.v1.DeviceService: read, call, render."""

import json
from typing import Any

from google.protobuf.json_format import MessageToDict, SerializeToJsonError
from google.protobuf.struct_pb2 import Struct

from fieldstock.inventory.v1 import device_pb2, device_service_pb2, device_service_pb2_grpc
from inventory_svc.codec import device_to_proto, log_to_proto
from inventory_svc.inventory import Inventory
from inventory_svc.models import Status
from inventory_svc.repository import DeviceFilter
from servicekit.access import caller, own_device
from servicekit.errors import InvalidField
from servicekit.fields import Fields
from servicekit.paging import ID, Page, read_page

LONGEST_NAME, LONGEST_TYPE, LONGEST_SERIAL, LONGEST_LOCATION, LONGEST_NOTES = 100, 50, 100, 100, 10_000
LARGEST_SPECS = 16 * 1024


class DeviceServicer(device_service_pb2_grpc.DeviceServiceServicer):
    """Devices over gRPC, and through Envoy over REST."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    async def GetDevice(self, request: Any, context: Any) -> device_pb2.Device:
        own_device(request.id)
        return device_to_proto(await self._inventory.get(request.id))

    async def ListDevices(self, request: Any, context: Any) -> Any:
        return await self._list(request, _filter(request, request.status))

    async def ListInStockDevices(self, request: Any, context: Any) -> Any:
        return await self._list(request, _filter(request, Status.IN_STOCK))

    async def ListDeployedDevices(self, request: Any, context: Any) -> Any:
        return await self._list(request, _filter(request, Status.DEPLOYED))

    async def RegisterDevice(self, request: Any, context: Any) -> Any:
        fields = Fields()
        values = {
            "name": fields.text("name", request.name, longest=LONGEST_NAME, required=True),
            "type": fields.text("type", request.type, longest=LONGEST_TYPE, required=True),
            "serial_number": fields.text("serial_number", request.serial_number, longest=LONGEST_SERIAL, required=True),
            "location": fields.text("location", request.location, longest=LONGEST_LOCATION),
            "purchase_date": fields.day("purchase_date", request.purchase_date),
            "notes": fields.prose("notes", request.notes, longest=LONGEST_NOTES),
            "specs": _specs(fields, request.specs),
        }
        fields.check()
        device, secret = await self._inventory.register(**values, by=caller())
        return device_service_pb2.RegisterDeviceResponse(
            device=device_to_proto(device),
            credential=device_pb2.Credential(serial_number=device.serial_number, secret=secret),
        )

    async def DeployDevice(self, request: Any, context: Any) -> device_pb2.Device:
        location, why = _action(request, Status.DEPLOYED)
        return device_to_proto(await self._inventory.deploy(request.id, location, by=caller(), **why))

    async def RecallDevice(self, request: Any, context: Any) -> device_pb2.Device:
        location, why = _action(request, Status.IN_STOCK)
        return device_to_proto(await self._inventory.recall(request.id, location, by=caller(), **why))

    async def MaintainDevice(self, request: Any, context: Any) -> device_pb2.Device:
        location, why = _action(request, Status.MAINTENANCE)
        return device_to_proto(await self._inventory.maintain(request.id, location, by=caller(), **why))

    async def RetireDevice(self, request: Any, context: Any) -> device_pb2.Device:
        fields = Fields()
        why = _why(fields, request)
        fields.check()
        return device_to_proto(await self._inventory.retire(request.id, by=caller(), **why))

    async def ListDeviceLogs(self, request: Any, context: Any) -> Any:
        page = read_page(request, ID)
        before = int(page.after[0]) if page.after else None
        logs = await self._inventory.logs(request.id, before=before, limit=page.size + 1)
        return device_service_pb2.ListDeviceLogsResponse(
            logs=[log_to_proto(log) for log in logs[: page.size]],
            next_page_token=page.token([logs[page.size - 1].id]) if len(logs) > page.size else "",
        )

    async def _list(self, request: Any, which: DeviceFilter) -> Any:
        page: Page = read_page(request, ID)
        after = int(page.after[0]) if page.after else 0
        devices = await self._inventory.devices(which, after=after, limit=page.size + 1)
        return device_service_pb2.ListDevicesResponse(
            devices=[device_to_proto(device) for device in devices[: page.size]],
            next_page_token=page.token([devices[page.size - 1].id]) if len(devices) > page.size else "",
        )


def _filter(request: Any, status: str) -> DeviceFilter:
    fields = Fields()
    which = DeviceFilter(
        status=fields.one_of("status", status, list(Status)),
        type=fields.text("type", request.type, longest=LONGEST_TYPE),
        location=fields.text("location", request.location, longest=LONGEST_LOCATION + len("/*")),
        prefix=fields.text("q", request.q, longest=LONGEST_NAME),
    )
    fields.check()
    return which


def _action(request: Any, leads_to: Status) -> tuple[str, dict[str, Any]]:
    fields = Fields()
    location = fields.text("location", request.location, longest=LONGEST_LOCATION)
    fields.one_of("status", request.status, [leads_to])
    why = _why(fields, request)
    fields.check()
    return location, why


def _why(fields: Fields, request: Any) -> dict[str, Any]:
    if request.version < 0:
        fields.refuse("version", "must not be negative")
    return {"notes": fields.prose("notes", request.notes, longest=LONGEST_NOTES), "version": request.version or None}


def _specs(fields: Fields, specs: Struct) -> dict[str, Any]:
    try:
        value = MessageToDict(specs)
    except (SerializeToJsonError, ValueError) as error:
        raise InvalidField("specs", "must be JSON, which has no NaN and no infinity") from error
    text = json.dumps(value)
    if len(text) > LARGEST_SPECS:
        fields.refuse("specs", f"must not be larger than {LARGEST_SPECS} bytes")
    if "\\u0000" in text:
        fields.refuse("specs", "must not hold NUL characters")
    return value
