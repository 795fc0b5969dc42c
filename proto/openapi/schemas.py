"""Messages as JSON Schema, as proto3's JSON has them and Envoy prints them."""

from collections import Counter
from typing import Any

from openapi import prose
from openapi.contract import OURS, Contract, Field, Message
from openapi.examples import example

Schema = dict[str, Any]

ERROR = "Error"
_INT32: Schema = {"type": "integer", "format": "int32"}
_UINT32: Schema = {"type": "integer", "format": "int64", "minimum": 0}
# JSON's numbers are doubles to many readers, so 64 bits travel as text.
_INT64: Schema = {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
_UINT64: Schema = {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}
_SCALARS: dict[str, Schema] = {
    "int32": _INT32,
    "sint32": _INT32,
    "sfixed32": _INT32,
    "uint32": _UINT32,
    "fixed32": _UINT32,
    "int64": _INT64,
    "sint64": _INT64,
    "sfixed64": _INT64,
    "uint64": _UINT64,
    "fixed64": _UINT64,
    "double": {"type": "number", "format": "double"},
    "float": {"type": "number", "format": "float"},
    "bool": {"type": "boolean"},
    "string": {"type": "string"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
}
_OBJECT: Schema = {"type": "object", "additionalProperties": True}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+([.][0-9]+)?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": _OBJECT,
    "google.protobuf.Any": {**_OBJECT, "required": ["@type"], "properties": {"@type": {"type": "string"}}},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Empty": {"type": "object"},
    "google.rpc.Status": {"$ref": f"#/components/schemas/{ERROR}"},
    "google.protobuf.DoubleValue": _SCALARS["double"],
    "google.protobuf.FloatValue": _SCALARS["float"],
    "google.protobuf.Int64Value": _INT64,
    "google.protobuf.UInt64Value": _UINT64,
    "google.protobuf.Int32Value": _INT32,
    "google.protobuf.UInt32Value": _UINT32,
    "google.protobuf.BoolValue": _SCALARS["bool"],
    "google.protobuf.StringValue": _SCALARS["string"],
    "google.protobuf.BytesValue": _SCALARS["bytes"],
}


class Schemas:
    """Makes schemas, and keeps those with a name until the document is whole."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._kept: dict[str, Schema] = {}
        ours = [message for message in contract.messages.values() if message.full_name.startswith(OURS)]
        self._shared = {name for name, times in Counter(message.name for message in ours).items() if times > 1} | {
            ERROR
        }

    def components(self) -> dict[str, Schema]:
        """All that was referred to, by name."""
        return dict(sorted(self._kept.items()))

    def message(self, full_name: str, *, taken: bool) -> Schema:
        """A reference to a message's schema. `taken`: as a body may have it, else as an answer has it."""
        if full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[full_name])
        message = self._contract.messages[full_name]
        name = message.name
        if name in self._shared:
            name = full_name.removeprefix(OURS)
        # What a body need not have, an answer always has: two schemas.
        name += "Input" if taken else ""
        if name not in self._kept:
            self._kept[name] = {}  # a message may contain itself
            self._kept[name] = self.object(message, message.fields, taken=taken)
        return {"$ref": f"#/components/schemas/{name}"}

    def object(self, message: Message, fields: tuple[Field, ...], *, taken: bool) -> Schema:
        """An object with these fields of the message."""
        schema: Schema = {"type": "object"}
        if message.comment:
            schema["description"] = prose.text(message.comment)
        properties = {input_name(field) if taken else field.name: self.field(field, taken=taken) for field in fields}
        required = [
            input_name(field) if taken else field.name
            for field in fields
            # Envoy prints what has no presence even when it is empty.
            if (field.required if taken else not field.presence)
        ]
        if properties:
            schema["properties"] = properties
        if required:
            schema["required"] = required
        return schema

    def field(self, field: Field, *, taken: bool) -> Schema:
        """A field's schema, with what its comment says."""
        schema = self.value(field, taken=taken)
        if field.repeated and not self._is_map(field):
            schema = {"type": "array", "items": schema}
        if comment := said(field, taken=taken):
            schema = {**schema, "description": comment}
        value = example(field.name, schema, field.comment)
        return schema if value is None else {**schema, "examples": [value]}

    def value(self, field: Field, *, taken: bool) -> Schema:
        """The schema of one value of a field."""
        if field.kind == "enum":
            enum = self._contract.enums.get(field.of)
            return {"type": "string", "enum": [value.name for value in enum.value]} if enum else {"type": "string"}
        if field.kind != "message":
            return dict(_SCALARS[field.kind])
        if self._is_map(field):
            of = self._contract.messages[field.of].field("value")
            return {"type": "object", "additionalProperties": self.value(of, taken=taken)}
        return self.message(field.of, taken=taken)

    def is_plain(self, field: Field) -> bool:
        """Whether one text can hold a value of it, as a query parameter must."""
        return not self._is_map(field) and self.value(field, taken=True).get("type") in {
            "string", "integer", "number", "boolean",
        }  # fmt: skip

    def is_nested(self, field: Field) -> bool:
        """Whether it is one message of ours, whose own fields parameters can hold."""
        return field.kind == "message" and not field.repeated and field.of.startswith(OURS)

    def _is_map(self, field: Field) -> bool:
        return field.kind == "message" and self._contract.messages[field.of].map_entry


def input_name(field: Field) -> str:
    """The name that a request gives a field: a name of its own for JSON, if the contract set one."""
    return field.alias or field.name


def said(field: Field, *, taken: bool) -> str:
    """A field's comment as CommonMark."""
    comment = prose.text(field.comment)
    also = f"Also taken as `{field.name}`." if taken and field.alias else ""
    return f"{comment}\n\n{also}".strip()


def error_schemas() -> dict[str, Schema]:
    """What every failure looks like, whoever made it."""
    words = {"type": "string"}
    info = {
        "type": "object",
        "description": "`google.rpc.ErrorInfo`: in every error, first.",
        "properties": {
            "@type": {"const": "type.googleapis.com/google.rpc.ErrorInfo"},
            "reason": {**words, "description": "Stable: clients may branch on it."},
            "domain": {"const": "fieldstock"},
            "metadata": {"type": "object", "additionalProperties": words, "description": "The facts of the message."},
        },
        "required": ["@type", "reason", "domain"],
    }
    violation = {
        "type": "object",
        "properties": {"field": words, "description": words},
        "required": ["field", "description"],
    }
    bad = {
        "type": "object",
        "description": "`google.rpc.BadRequest`: names each bad field.",
        "properties": {
            "@type": {"const": "type.googleapis.com/google.rpc.BadRequest"},
            "field_violations": {"type": "array", "items": violation},
        },
        "required": ["@type", "field_violations"],
    }
    other = {
        "type": "object",
        "description": "Another detail, `google.rpc.RetryInfo` for one.",
        "properties": {"@type": words},
        "required": ["@type"],
    }
    error = {
        "type": "object",
        "description": "Every failure has this form, those of the door itself included.",
        "properties": {
            "code": {"type": "integer", "format": "int32", "description": "The gRPC status code."},
            "message": {**words, "description": "For people."},
            "details": {"type": "array", "items": {"anyOf": [info, bad, other]}},
        },
        "required": ["code", "message", "details"],
    }
    return {ERROR: error}
