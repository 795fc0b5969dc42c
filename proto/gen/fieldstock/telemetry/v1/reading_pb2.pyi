import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Reading(_message.Message):
    __slots__ = ("device_id", "time", "metrics", "received_at")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    time: _timestamp_pb2.Timestamp
    metrics: _containers.ScalarMap[str, float]
    received_at: _timestamp_pb2.Timestamp
    def __init__(self, device_id: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReadingBatch(_message.Message):
    __slots__ = ("sequence", "device_id", "time_ms", "series", "source_id", "sent_ms")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    device_id: _containers.RepeatedScalarFieldContainer[int]
    time_ms: _containers.RepeatedScalarFieldContainer[int]
    series: _containers.RepeatedCompositeFieldContainer[Series]
    source_id: str
    sent_ms: int
    def __init__(self, sequence: _Optional[int] = ..., device_id: _Optional[_Iterable[int]] = ..., time_ms: _Optional[_Iterable[int]] = ..., series: _Optional[_Iterable[_Union[Series, _Mapping]]] = ..., source_id: _Optional[str] = ..., sent_ms: _Optional[int] = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ("metric", "values")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    metric: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, metric: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class StreamSummary(_message.Message):
    __slots__ = ("committed_sequence", "accepted_rows", "rejected_rows", "rejections")
    COMMITTED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    committed_sequence: int
    accepted_rows: int
    rejected_rows: int
    rejections: _containers.RepeatedCompositeFieldContainer[Rejection]
    def __init__(self, committed_sequence: _Optional[int] = ..., accepted_rows: _Optional[int] = ..., rejected_rows: _Optional[int] = ..., rejections: _Optional[_Iterable[_Union[Rejection, _Mapping]]] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("reason", "rows", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    rows: int
    message: str
    def __init__(self, reason: _Optional[str] = ..., rows: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...
