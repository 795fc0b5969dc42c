import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Rule(_message.Message):
    __slots__ = ("id", "name", "kind", "severity", "enabled", "device_type", "device_id", "threshold", "version", "created_at", "updated_at", "abnormal")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    DEVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    ABNORMAL_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    kind: str
    severity: str
    enabled: bool
    device_type: str
    device_id: int
    threshold: Threshold
    version: int
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    abnormal: Abnormal
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ..., severity: _Optional[str] = ..., enabled: _Optional[bool] = ..., device_type: _Optional[str] = ..., device_id: _Optional[int] = ..., threshold: _Optional[_Union[Threshold, _Mapping]] = ..., version: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., abnormal: _Optional[_Union[Abnormal, _Mapping]] = ...) -> None: ...

class Threshold(_message.Message):
    __slots__ = ("metric", "direction", "limit", "clear_limit", "for_seconds")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CLEAR_LIMIT_FIELD_NUMBER: _ClassVar[int]
    FOR_SECONDS_FIELD_NUMBER: _ClassVar[int]
    metric: str
    direction: str
    limit: float
    clear_limit: float
    for_seconds: int
    def __init__(self, metric: _Optional[str] = ..., direction: _Optional[str] = ..., limit: _Optional[float] = ..., clear_limit: _Optional[float] = ..., for_seconds: _Optional[int] = ...) -> None: ...

class Abnormal(_message.Message):
    __slots__ = ("metric", "z_score", "alpha", "warm_up")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    Z_SCORE_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    WARM_UP_FIELD_NUMBER: _ClassVar[int]
    metric: str
    z_score: float
    alpha: float
    warm_up: int
    def __init__(self, metric: _Optional[str] = ..., z_score: _Optional[float] = ..., alpha: _Optional[float] = ..., warm_up: _Optional[int] = ...) -> None: ...
