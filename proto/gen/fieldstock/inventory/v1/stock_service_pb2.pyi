from fieldstock.access.v1 import access_pb2 as _access_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStockRequest(_message.Message):
    __slots__ = ("type", "location", "page_size", "page_token")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    type: str
    location: str
    page_size: int
    page_token: str
    def __init__(self, type: _Optional[str] = ..., location: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Stock(_message.Message):
    __slots__ = ("levels", "next_page_token")
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[StockLevel]
    next_page_token: str
    def __init__(self, levels: _Optional[_Iterable[_Union[StockLevel, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class StockLevel(_message.Message):
    __slots__ = ("type", "location", "in_stock", "reserved", "deployed", "maintenance", "minimum", "low")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    IN_STOCK_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    DEPLOYED_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    type: str
    location: str
    in_stock: int
    reserved: int
    deployed: int
    maintenance: int
    minimum: int
    low: bool
    def __init__(self, type: _Optional[str] = ..., location: _Optional[str] = ..., in_stock: _Optional[int] = ..., reserved: _Optional[int] = ..., deployed: _Optional[int] = ..., maintenance: _Optional[int] = ..., minimum: _Optional[int] = ..., low: _Optional[bool] = ...) -> None: ...

class SetStockLevelRequest(_message.Message):
    __slots__ = ("type", "location", "minimum")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    type: str
    location: str
    minimum: int
    def __init__(self, type: _Optional[str] = ..., location: _Optional[str] = ..., minimum: _Optional[int] = ...) -> None: ...
