from fieldstock.access.v1 import access_pb2 as _access_pb2
from fieldstock.inventory.v1 import device_type_pb2 as _device_type_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListDeviceTypesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDeviceTypesResponse(_message.Message):
    __slots__ = ("types", "next_page_token")
    TYPES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    types: _containers.RepeatedCompositeFieldContainer[_device_type_pb2.DeviceType]
    next_page_token: str
    def __init__(self, types: _Optional[_Iterable[_Union[_device_type_pb2.DeviceType, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDeviceTypeRequest(_message.Message):
    __slots__ = ("type",)
    TYPE_FIELD_NUMBER: _ClassVar[int]
    type: str
    def __init__(self, type: _Optional[str] = ...) -> None: ...

class UpdateDeviceTypeRequest(_message.Message):
    __slots__ = ("type", "metrics", "silence_seconds", "retention_days", "compatible_types", "version")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    SILENCE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    COMPATIBLE_TYPES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    type: str
    metrics: _containers.RepeatedCompositeFieldContainer[_device_type_pb2.Metric]
    silence_seconds: int
    retention_days: int
    compatible_types: _containers.RepeatedScalarFieldContainer[str]
    version: int
    def __init__(self, type: _Optional[str] = ..., metrics: _Optional[_Iterable[_Union[_device_type_pb2.Metric, _Mapping]]] = ..., silence_seconds: _Optional[int] = ..., retention_days: _Optional[int] = ..., compatible_types: _Optional[_Iterable[str]] = ..., version: _Optional[int] = ...) -> None: ...
