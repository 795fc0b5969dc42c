import datetime

from fieldstock.access.v1 import access_pb2 as _access_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatsRequest(_message.Message):
    __slots__ = ("window", "type", "location")
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    window: int
    type: str
    location: str
    def __init__(self, window: _Optional[int] = ..., type: _Optional[str] = ..., location: _Optional[str] = ...) -> None: ...

class Stats(_message.Message):
    __slots__ = ("devices", "alerts", "metrics", "start_time", "end_time")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: MetricStats
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[MetricStats, _Mapping]] = ...) -> None: ...
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    devices: DeviceCounts
    alerts: AlertCounts
    metrics: _containers.MessageMap[str, MetricStats]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, devices: _Optional[_Union[DeviceCounts, _Mapping]] = ..., alerts: _Optional[_Union[AlertCounts, _Mapping]] = ..., metrics: _Optional[_Mapping[str, MetricStats]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeviceCounts(_message.Message):
    __slots__ = ("online", "offline", "never_seen")
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    NEVER_SEEN_FIELD_NUMBER: _ClassVar[int]
    online: int
    offline: int
    never_seen: int
    def __init__(self, online: _Optional[int] = ..., offline: _Optional[int] = ..., never_seen: _Optional[int] = ...) -> None: ...

class AlertCounts(_message.Message):
    __slots__ = ("info", "warning", "critical")
    INFO_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    CRITICAL_FIELD_NUMBER: _ClassVar[int]
    info: int
    warning: int
    critical: int
    def __init__(self, info: _Optional[int] = ..., warning: _Optional[int] = ..., critical: _Optional[int] = ...) -> None: ...

class MetricStats(_message.Message):
    __slots__ = ("min", "max", "avg", "count")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    AVG_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    min: float
    max: float
    avg: float
    count: int
    def __init__(self, min: _Optional[float] = ..., max: _Optional[float] = ..., avg: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...
