from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_VIEWER: _ClassVar[Role]
    ROLE_OPERATOR: _ClassVar[Role]
    ROLE_ADMIN: _ClassVar[Role]

class Principal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRINCIPAL_UNSPECIFIED: _ClassVar[Principal]
    PRINCIPAL_DEVICE: _ClassVar[Principal]
    PRINCIPAL_INGEST: _ClassVar[Principal]
    PRINCIPAL_SERVICE: _ClassVar[Principal]
ROLE_UNSPECIFIED: Role
ROLE_VIEWER: Role
ROLE_OPERATOR: Role
ROLE_ADMIN: Role
PRINCIPAL_UNSPECIFIED: Principal
PRINCIPAL_DEVICE: Principal
PRINCIPAL_INGEST: Principal
PRINCIPAL_SERVICE: Principal
ACCESS_FIELD_NUMBER: _ClassVar[int]
access: _descriptor.FieldDescriptor

class Access(_message.Message):
    __slots__ = ("anyone", "at_least", "also")
    ANYONE_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    ALSO_FIELD_NUMBER: _ClassVar[int]
    anyone: bool
    at_least: Role
    also: _containers.RepeatedScalarFieldContainer[Principal]
    def __init__(self, anyone: _Optional[bool] = ..., at_least: _Optional[_Union[Role, str]] = ..., also: _Optional[_Iterable[_Union[Principal, str]]] = ...) -> None: ...
