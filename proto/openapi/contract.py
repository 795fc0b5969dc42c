"""The contracts as a descriptor set has them: services, messages, and what their comments say."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

OURS = "fieldstock."
_PROTO = descriptor_pb2.FieldDescriptorProto
# Where descriptor.proto keeps things; source_code_info speaks of them by these numbers.
_MESSAGES, _SERVICES = descriptor_pb2.FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER, 6
_FIELDS, _NESTED, _METHODS = descriptor_pb2.DescriptorProto.FIELD_FIELD_NUMBER, 3, 2


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message. `kind`: a scalar's name ("int32"), "enum" or "message"; `of`: which of the latter two."""

    name: str
    # Another name that JSON takes it by, when the contract sets one; proto's camelCase is not worth telling.
    alias: str | None
    kind: str
    of: str
    repeated: bool
    # Told apart from its default when it is absent.
    presence: bool
    required: bool
    comment: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message; `map_entry` when it is how protobuf spells a map."""

    full_name: str
    fields: tuple[Field, ...]
    comment: str
    map_entry: bool

    @property
    def name(self) -> str:
        return self.full_name.rpartition(".")[2]

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC. `http` is its google.api.HttpRule; `roles` and `principals` may call it, or `anyone`."""

    name: str
    request: str
    response: str
    server_streaming: bool
    http: Any | None
    anyone: bool
    roles: tuple[str, ...]
    principals: tuple[str, ...]
    comment: str


@dataclass(frozen=True, slots=True)
class Service:
    """A proto service and its RPCs, in the order of the file."""

    full_name: str
    methods: tuple[Method, ...]
    comment: str

    @property
    def name(self) -> str:
        return self.full_name.rpartition(".")[2]


class Contract:
    """All that a descriptor set with source info says."""

    def __init__(self, descriptors: bytes) -> None:
        plain = descriptor_pb2.FileDescriptorSet.FromString(descriptors)
        pool = descriptor_pool.DescriptorPool()
        for file in plain.file:
            pool.Add(file)
        # Read with classes of the set's own: they know the options as these protos define them, not as the stubs that
        # are about to be replaced did.
        classes = message_factory.GetMessageClassesForFiles([file.name for file in plain.file], pool)
        whole: Any = classes["google.protobuf.FileDescriptorSet"].FromString(descriptors)
        self._files = whole.file
        self._http = pool.FindExtensionByName("google.api.http")
        self._access = pool.FindExtensionByName("fieldstock.access.v1.access")
        self._behavior = pool.FindExtensionByName("google.api.field_behavior")
        behaviors = pool.FindEnumTypeByName("google.api.FieldBehavior").values_by_name
        self._required = behaviors["REQUIRED"].number
        self._roles = _words(pool.FindEnumTypeByName("fieldstock.access.v1.Role"))
        self._principals = _words(pool.FindEnumTypeByName("fieldstock.access.v1.Principal"))
        self.enums = {f"{file.package}.{enum.name}": enum for file in self._files for enum in file.enum_type}

    @cached_property
    def messages(self) -> dict[str, Message]:
        """Every message by its full name, Google's as well."""
        return {message.full_name: message for file in self._files for message in self._messages_of(file)}

    @cached_property
    def services(self) -> list[Service]:
        """The product's services, by package and file."""
        return [
            service
            for file in sorted(self._files, key=lambda file: file.name)
            if file.package.startswith(OURS)
            for service in self._services_of(file)
        ]

    def _services_of(self, file: Any) -> Iterator[Service]:
        comments = _comments(file)
        for i, service in enumerate(file.service):
            methods = tuple(
                self._method(method, comments.get((_SERVICES, i, _METHODS, j), ""))
                for j, method in enumerate(service.method)
            )
            yield Service(f"{file.package}.{service.name}", methods, comments.get((_SERVICES, i), ""))

    def _method(self, method: Any, comment: str) -> Method:
        access = method.options.Extensions[self._access]
        # Each role includes those before it.
        roles = [word for number, word in self._roles.items() if access.at_least and number >= access.at_least]
        return Method(
            name=method.name,
            request=method.input_type.lstrip("."),
            response=method.output_type.lstrip("."),
            server_streaming=method.server_streaming,
            http=method.options.Extensions[self._http] if method.options.HasExtension(self._http) else None,
            anyone=access.anyone,
            roles=tuple(roles),
            principals=tuple(self._principals[number] for number in access.also),
            comment=comment,
        )

    def _messages_of(self, file: Any) -> Iterator[Message]:
        comments = _comments(file)

        def walk(scope: str, message: Any, path: tuple[int, ...]) -> Iterator[Message]:
            name = f"{scope}.{message.name}"
            fields = tuple(
                self._field(field, comments.get((*path, _FIELDS, j), "")) for j, field in enumerate(message.field)
            )
            yield Message(name, fields, comments.get(path, ""), message.options.map_entry)
            for j, nested in enumerate(message.nested_type):
                yield from walk(name, nested, (*path, _NESTED, j))

        for i, message in enumerate(file.message_type):
            yield from walk(file.package, message, (_MESSAGES, i))

    def _field(self, field: Any, comment: str) -> Field:
        kind = _PROTO.Type.Name(field.type).removeprefix("TYPE_").lower()
        repeated = field.label == _PROTO.LABEL_REPEATED
        return Field(
            name=field.name,
            alias=field.json_name if field.json_name not in {_camel(field.name), field.name} else None,
            kind=kind,
            of=field.type_name.lstrip("."),
            repeated=repeated,
            presence=not repeated and (kind == "message" or field.proto3_optional or field.HasField("oneof_index")),
            required=self._required in field.options.Extensions[self._behavior],
            comment=comment,
        )


def _comments(file: Any) -> dict[tuple[int, ...], str]:
    return {
        tuple(location.path): location.leading_comments
        for location in file.source_code_info.location
        if location.leading_comments
    }


def _words(enum: Any) -> dict[int, str]:
    """ROLE_VIEWER of Role → viewer, by number."""
    prefix = f"{enum.name.upper()}_"
    return {value.number: value.name.removeprefix(prefix).lower() for value in enum.values if value.number}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
