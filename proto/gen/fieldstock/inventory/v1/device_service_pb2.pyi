import datetime

from fieldstock.access.v1 import access_pb2 as _access_pb2
from fieldstock.inventory.v1 import device_pb2 as _device_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetDeviceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ("status", "type", "location", "q", "page_size", "page_token", "order_by")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    status: str
    type: str
    location: str
    q: str
    page_size: int
    page_token: str
    order_by: str
    def __init__(self, status: _Optional[str] = ..., type: _Optional[str] = ..., location: _Optional[str] = ..., q: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListInStockDevicesRequest(_message.Message):
    __slots__ = ("type", "location", "q", "page_size", "page_token", "order_by")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    type: str
    location: str
    q: str
    page_size: int
    page_token: str
    order_by: str
    def __init__(self, type: _Optional[str] = ..., location: _Optional[str] = ..., q: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListDeployedDevicesRequest(_message.Message):
    __slots__ = ("type", "location", "q", "page_size", "page_token", "order_by")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    type: str
    location: str
    q: str
    page_size: int
    page_token: str
    order_by: str
    def __init__(self, type: _Optional[str] = ..., location: _Optional[str] = ..., q: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices", "next_page_token")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[_device_pb2.Device]
    next_page_token: str
    def __init__(self, devices: _Optional[_Iterable[_Union[_device_pb2.Device, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RegisterDeviceRequest(_message.Message):
    __slots__ = ("name", "type", "serial_number", "location", "specs", "purchase_date", "notes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SERIAL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_DATE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    serial_number: str
    location: str
    specs: _struct_pb2.Struct
    purchase_date: str
    notes: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., serial_number: _Optional[str] = ..., location: _Optional[str] = ..., specs: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., purchase_date: _Optional[str] = ..., notes: _Optional[str] = ...) -> None: ...

class RegisterDeviceResponse(_message.Message):
    __slots__ = ("device", "credential")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    device: _device_pb2.Device
    credential: _device_pb2.Credential
    def __init__(self, device: _Optional[_Union[_device_pb2.Device, _Mapping]] = ..., credential: _Optional[_Union[_device_pb2.Credential, _Mapping]] = ...) -> None: ...

class DeployDeviceRequest(_message.Message):
    __slots__ = ("id", "location", "status", "notes", "version", "reserved_for", "override")
    ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FOR_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    id: int
    location: str
    status: str
    notes: str
    version: int
    reserved_for: str
    override: bool
    def __init__(self, id: _Optional[int] = ..., location: _Optional[str] = ..., status: _Optional[str] = ..., notes: _Optional[str] = ..., version: _Optional[int] = ..., reserved_for: _Optional[str] = ..., override: _Optional[bool] = ...) -> None: ...

class UpdateDeviceRequest(_message.Message):
    __slots__ = ("id", "name", "type", "serial_number", "specs", "purchase_date", "clear", "notes", "version", "status", "location", "deploy_date", "last_maintenance", "created_at", "updated_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SERIAL_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_DATE_FIELD_NUMBER: _ClassVar[int]
    CLEAR_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DEPLOY_DATE_FIELD_NUMBER: _ClassVar[int]
    LAST_MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    type: str
    serial_number: str
    specs: _struct_pb2.Struct
    purchase_date: str
    clear: _containers.RepeatedScalarFieldContainer[str]
    notes: str
    version: int
    status: str
    location: str
    deploy_date: str
    last_maintenance: str
    created_at: str
    updated_at: str
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., serial_number: _Optional[str] = ..., specs: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., purchase_date: _Optional[str] = ..., clear: _Optional[_Iterable[str]] = ..., notes: _Optional[str] = ..., version: _Optional[int] = ..., status: _Optional[str] = ..., location: _Optional[str] = ..., deploy_date: _Optional[str] = ..., last_maintenance: _Optional[str] = ..., created_at: _Optional[str] = ..., updated_at: _Optional[str] = ...) -> None: ...

class ReserveDeviceRequest(_message.Message):
    __slots__ = ("id", "reserved_for", "until", "status", "notes", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FOR_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    reserved_for: str
    until: _timestamp_pb2.Timestamp
    status: str
    notes: str
    version: int
    def __init__(self, id: _Optional[int] = ..., reserved_for: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[str] = ..., notes: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class RelocateDeviceRequest(_message.Message):
    __slots__ = ("id", "location", "notes", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    location: str
    notes: str
    version: int
    def __init__(self, id: _Optional[int] = ..., location: _Optional[str] = ..., notes: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ActOnDevicesRequest(_message.Message):
    __slots__ = ("action", "ids", "filter", "location", "reserved_for", "until", "override", "notes")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FOR_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    action: str
    ids: _containers.RepeatedScalarFieldContainer[int]
    filter: DeviceFilter
    location: str
    reserved_for: str
    until: _timestamp_pb2.Timestamp
    override: bool
    notes: str
    def __init__(self, action: _Optional[str] = ..., ids: _Optional[_Iterable[int]] = ..., filter: _Optional[_Union[DeviceFilter, _Mapping]] = ..., location: _Optional[str] = ..., reserved_for: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., override: _Optional[bool] = ..., notes: _Optional[str] = ...) -> None: ...

class DeviceFilter(_message.Message):
    __slots__ = ("status", "type", "location", "q")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    Q_FIELD_NUMBER: _ClassVar[int]
    status: str
    type: str
    location: str
    q: str
    def __init__(self, status: _Optional[str] = ..., type: _Optional[str] = ..., location: _Optional[str] = ..., q: _Optional[str] = ...) -> None: ...

class ActOnDevicesResponse(_message.Message):
    __slots__ = ("results", "succeeded", "failed")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ActionResult]
    succeeded: int
    failed: int
    def __init__(self, results: _Optional[_Iterable[_Union[ActionResult, _Mapping]]] = ..., succeeded: _Optional[int] = ..., failed: _Optional[int] = ...) -> None: ...

class ActionResult(_message.Message):
    __slots__ = ("id", "device", "reason", "message")
    ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    id: int
    device: _device_pb2.Device
    reason: str
    message: str
    def __init__(self, id: _Optional[int] = ..., device: _Optional[_Union[_device_pb2.Device, _Mapping]] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class RenewCredentialRequest(_message.Message):
    __slots__ = ("id", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    version: int
    def __init__(self, id: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class RecallDeviceRequest(_message.Message):
    __slots__ = ("id", "location", "status", "notes", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    location: str
    status: str
    notes: str
    version: int
    def __init__(self, id: _Optional[int] = ..., location: _Optional[str] = ..., status: _Optional[str] = ..., notes: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class MaintainDeviceRequest(_message.Message):
    __slots__ = ("id", "location", "status", "notes", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    location: str
    status: str
    notes: str
    version: int
    def __init__(self, id: _Optional[int] = ..., location: _Optional[str] = ..., status: _Optional[str] = ..., notes: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class RetireDeviceRequest(_message.Message):
    __slots__ = ("id", "notes", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    notes: str
    version: int
    def __init__(self, id: _Optional[int] = ..., notes: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ListDeviceLogsRequest(_message.Message):
    __slots__ = ("id", "page_size", "page_token")
    ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    id: int
    page_size: int
    page_token: str
    def __init__(self, id: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDeviceLogsResponse(_message.Message):
    __slots__ = ("logs", "next_page_token")
    LOGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    logs: _containers.RepeatedCompositeFieldContainer[_device_pb2.DeviceLog]
    next_page_token: str
    def __init__(self, logs: _Optional[_Iterable[_Union[_device_pb2.DeviceLog, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
