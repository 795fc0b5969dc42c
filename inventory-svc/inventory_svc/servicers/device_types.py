"""fieldstock.inventory.v1.DeviceTypeService: read, call, render."""

import re
from typing import Any

from fieldstock.inventory.v1 import device_type_pb2, device_type_service_pb2, device_type_service_pb2_grpc
from inventory_svc.codec import type_to_proto
from inventory_svc.device_types import DeviceTypes
from inventory_svc.servicers.requests import LONGEST_TYPE, version_of
from servicekit.fields import Fields
from servicekit.paging import TEXT, read_page

METRIC = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_METRICS, LONGEST_UNIT, MOST_COMPATIBLE = 64, 20, 20
LONGEST_SILENCE_SECONDS, LONGEST_RETENTION_DAYS = 30 * 24 * 3600, 100 * 365


class DeviceTypeServicer(device_type_service_pb2_grpc.DeviceTypeServiceServicer):
    """Types over gRPC, and through Envoy over REST."""

    def __init__(self, types: DeviceTypes) -> None:
        self._types = types

    async def ListDeviceTypes(self, request: Any, context: Any) -> Any:
        page = read_page(request, TEXT)
        types = await self._types.page(after=str(page.after[0]) if page.after else "", limit=page.size + 1)
        return device_type_service_pb2.ListDeviceTypesResponse(
            types=[type_to_proto(type) for type in types[: page.size]],
            next_page_token=page.token([types[page.size - 1].type]) if len(types) > page.size else "",
        )

    async def GetDeviceType(self, request: Any, context: Any) -> device_type_pb2.DeviceType:
        return type_to_proto(await self._types.get(_type_of(request)))

    async def UpdateDeviceType(self, request: Any, context: Any) -> device_type_pb2.DeviceType:
        fields = Fields()
        values = {
            "metrics": _metrics_of(fields, request),
            "silence_seconds": _up_to(fields, "silence_seconds", request.silence_seconds, LONGEST_SILENCE_SECONDS),
            "retention_days": _up_to(fields, "retention_days", request.retention_days, LONGEST_RETENTION_DAYS),
            "compatible_types": _compatible_of(fields, request),
            "version": version_of(fields, request),
        }
        fields.check()
        return type_to_proto(await self._types.update(_type_of(request), **values))


def _type_of(request: Any) -> str:
    fields = Fields()
    type = fields.text("type", request.type, longest=LONGEST_TYPE, required=True)
    fields.check()
    return type


def _metrics_of(fields: Fields, request: Any) -> list[dict[str, str]]:
    if len(request.metrics) > MOST_METRICS:
        fields.refuse("metrics", f"must not be more than {MOST_METRICS}")
        return []
    names = [metric.name for metric in request.metrics]
    if not all(map(METRIC.fullmatch, names)):
        fields.refuse("metrics.name", f"must match {METRIC.pattern}")
    if len(set(names)) < len(names):
        fields.refuse("metrics.name", "must not be given twice")
    units = [fields.text("metrics.unit", metric.unit, longest=LONGEST_UNIT) for metric in request.metrics]
    return [{"name": name, "unit": unit} for name, unit in zip(names, units, strict=True)]


def _compatible_of(fields: Fields, request: Any) -> list[str]:
    if len(request.compatible_types) > MOST_COMPATIBLE:
        fields.refuse("compatible_types", f"must not be more than {MOST_COMPATIBLE}")
        return []
    types = [
        fields.text("compatible_types", type, longest=LONGEST_TYPE, required=True) for type in request.compatible_types
    ]
    if len(set(types)) < len(types):
        fields.refuse("compatible_types", "must not be given twice")
    return types


def _up_to(fields: Fields, field: str, value: int, most: int) -> int:
    if not 0 <= value <= most:
        fields.refuse(field, f"must be 0 to {most:,}")
    return value
