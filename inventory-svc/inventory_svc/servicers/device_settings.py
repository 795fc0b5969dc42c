"""fieldstock.inventory.v1.DeviceSettingsService: read, call, render."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fieldstock.inventory.v1 import settings_pb2, settings_service_pb2_grpc
from inventory_svc.codec import settings_to_proto
from inventory_svc.device_settings import SettingsOfDevices
from inventory_svc.servicers.requests import object_of, version_of
from servicekit.access import caller, own_device
from servicekit.fields import Fields


class DeviceSettingsServicer(settings_service_pb2_grpc.DeviceSettingsServiceServicer):
    """Settings over gRPC, and through Envoy over REST; the stream over gRPC alone."""

    def __init__(self, settings: SettingsOfDevices) -> None:
        self._settings = settings

    async def GetDeviceSettings(self, request: Any, context: Any) -> settings_pb2.DeviceSettings:
        own_device(request.id)
        return settings_to_proto(await self._settings.get(request.id))

    async def UpdateDeviceSettings(self, request: Any, context: Any) -> settings_pb2.DeviceSettings:
        fields = Fields()
        desired, version = object_of(fields, "desired", request.desired), version_of(fields, request)
        fields.check()
        return settings_to_proto(await self._settings.update(request.id, desired, version=version))

    async def WatchDeviceSettings(
        self, request: Any, context: Any
    ) -> AsyncGenerator[settings_pb2.DeviceSettings, None]:
        async with aclosing(self._settings.watch(caller())) as changes:
            async for settings in changes:
                yield settings_to_proto(settings)

    async def ReportDeviceSettings(self, request: Any, context: Any) -> settings_pb2.DeviceSettings:
        own_device(request.id)
        return settings_to_proto(await self._settings.report(request.id, request.version))
