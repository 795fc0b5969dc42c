import datetime

from fieldstock.telemetry.v1 import alert_pb2 as _alert_pb2
from fieldstock.telemetry.v1 import reading_pb2 as _reading_pb2
from fieldstock.telemetry.v1 import rule_pb2 as _rule_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AlertChanged(_message.Message):
    __slots__ = ("alert",)
    ALERT_FIELD_NUMBER: _ClassVar[int]
    alert: _alert_pb2.Alert
    def __init__(self, alert: _Optional[_Union[_alert_pb2.Alert, _Mapping]] = ...) -> None: ...

class PresenceChanged(_message.Message):
    __slots__ = ("device_id", "online", "last_seen", "version")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    online: bool
    last_seen: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, device_id: _Optional[int] = ..., online: _Optional[bool] = ..., last_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class RuleChanged(_message.Message):
    __slots__ = ("rule", "deleted")
    RULE_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    rule: _rule_pb2.Rule
    deleted: bool
    def __init__(self, rule: _Optional[_Union[_rule_pb2.Rule, _Mapping]] = ..., deleted: _Optional[bool] = ...) -> None: ...

class LatestReadings(_message.Message):
    __slots__ = ("device_id", "time_ms", "series")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    device_id: _containers.RepeatedScalarFieldContainer[int]
    time_ms: _containers.RepeatedScalarFieldContainer[int]
    series: _containers.RepeatedCompositeFieldContainer[_reading_pb2.Series]
    def __init__(self, device_id: _Optional[_Iterable[int]] = ..., time_ms: _Optional[_Iterable[int]] = ..., series: _Optional[_Iterable[_Union[_reading_pb2.Series, _Mapping]]] = ...) -> None: ...

class SourcesClaimed(_message.Message):
    __slots__ = ("replica", "principal", "source_id", "began_ms")
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    BEGAN_MS_FIELD_NUMBER: _ClassVar[int]
    replica: str
    principal: _containers.RepeatedScalarFieldContainer[str]
    source_id: _containers.RepeatedScalarFieldContainer[str]
    began_ms: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, replica: _Optional[str] = ..., principal: _Optional[_Iterable[str]] = ..., source_id: _Optional[_Iterable[str]] = ..., began_ms: _Optional[_Iterable[int]] = ...) -> None: ...
