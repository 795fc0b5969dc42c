from fieldstock.inventory.v1 import device_pb2 as _device_pb2
from fieldstock.inventory.v1 import device_type_pb2 as _device_type_pb2
from fieldstock.inventory.v1 import settings_pb2 as _settings_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeviceChanged(_message.Message):
    __slots__ = ("device", "log")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    device: _device_pb2.Device
    log: _device_pb2.DeviceLog
    def __init__(self, device: _Optional[_Union[_device_pb2.Device, _Mapping]] = ..., log: _Optional[_Union[_device_pb2.DeviceLog, _Mapping]] = ...) -> None: ...

class DeviceCredentialChanged(_message.Message):
    __slots__ = ("device_id", "serial_number", "secret_sha256", "version")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    SERIAL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SECRET_SHA256_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    serial_number: str
    secret_sha256: bytes
    version: int
    def __init__(self, device_id: _Optional[int] = ..., serial_number: _Optional[str] = ..., secret_sha256: _Optional[bytes] = ..., version: _Optional[int] = ...) -> None: ...

class DeviceSettingsChanged(_message.Message):
    __slots__ = ("settings",)
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    settings: _settings_pb2.DeviceSettings
    def __init__(self, settings: _Optional[_Union[_settings_pb2.DeviceSettings, _Mapping]] = ...) -> None: ...

class DeviceTypeChanged(_message.Message):
    __slots__ = ("type",)
    TYPE_FIELD_NUMBER: _ClassVar[int]
    type: _device_type_pb2.DeviceType
    def __init__(self, type: _Optional[_Union[_device_type_pb2.DeviceType, _Mapping]] = ...) -> None: ...

class StockLow(_message.Message):
    __slots__ = ("type", "location", "in_stock", "minimum")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    IN_STOCK_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    type: str
    location: str
    in_stock: int
    minimum: int
    def __init__(self, type: _Optional[str] = ..., location: _Optional[str] = ..., in_stock: _Optional[int] = ..., minimum: _Optional[int] = ...) -> None: ...
