import datetime

from fieldstock.access.v1 import access_pb2 as _access_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeviceHealth(_message.Message):
    __slots__ = ("device_id", "name", "status", "online", "last_seen", "latest", "open_alerts", "version", "type", "location", "serial_number", "severity", "clock_skew_ms")
    class LatestEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: LatestValue
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[LatestValue, _Mapping]] = ...) -> None: ...
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    OPEN_ALERTS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    SERIAL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CLOCK_SKEW_MS_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    name: str
    status: str
    online: bool
    last_seen: _timestamp_pb2.Timestamp
    latest: _containers.MessageMap[str, LatestValue]
    open_alerts: int
    version: int
    type: str
    location: str
    serial_number: str
    severity: str
    clock_skew_ms: float
    def __init__(self, device_id: _Optional[int] = ..., name: _Optional[str] = ..., status: _Optional[str] = ..., online: _Optional[bool] = ..., last_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., latest: _Optional[_Mapping[str, LatestValue]] = ..., open_alerts: _Optional[int] = ..., version: _Optional[int] = ..., type: _Optional[str] = ..., location: _Optional[str] = ..., serial_number: _Optional[str] = ..., severity: _Optional[str] = ..., clock_skew_ms: _Optional[float] = ...) -> None: ...

class LatestValue(_message.Message):
    __slots__ = ("value", "time")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    value: float
    time: _timestamp_pb2.Timestamp
    def __init__(self, value: _Optional[float] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDeviceHealthRequest(_message.Message):
    __slots__ = ("online", "page_size", "page_token", "status", "type", "location", "severity", "q", "order_by")
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    online: bool
    page_size: int
    page_token: str
    status: str
    type: str
    location: str
    severity: str
    q: str
    order_by: str
    def __init__(self, online: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., status: _Optional[str] = ..., type: _Optional[str] = ..., location: _Optional[str] = ..., severity: _Optional[str] = ..., q: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListDeviceHealthResponse(_message.Message):
    __slots__ = ("devices", "next_page_token")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[DeviceHealth]
    next_page_token: str
    def __init__(self, devices: _Optional[_Iterable[_Union[DeviceHealth, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDeviceHealthRequest(_message.Message):
    __slots__ = ("device_id",)
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    def __init__(self, device_id: _Optional[int] = ...) -> None: ...
