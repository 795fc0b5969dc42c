"""Fields that a request must carry, as its proto marks them."""

from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.message import Message

from servicekit.errors import InvalidFields

REQUIRED = field_behavior_pb2.FieldBehavior.Value("REQUIRED")

_required: dict[Any, list[Any]] = {}


def check_required(request: Message) -> None:
    """Raises InvalidFields for every field marked (google.api.field_behavior) = REQUIRED that was left empty."""
    descriptor: Any = request.DESCRIPTOR
    fields = _required.get(descriptor)
    if fields is None:
        behaviours: Any = field_behavior_pb2.field_behavior
        fields = _required[descriptor] = [
            field for field in descriptor.fields if REQUIRED in field.GetOptions().Extensions[behaviours]
        ]
    missing = {field.name: "is required" for field in fields if not _given(request, field)}
    if missing:
        raise InvalidFields(missing)


def _given(request: Message, field: Any) -> bool:
    if field.has_presence:
        return request.HasField(field.name)
    value = getattr(request, field.name)
    # A number has no empty value: 0 is refused where it matters, by those who know why.
    return isinstance(value, (int, float)) or bool(value.strip() if isinstance(value, str) else value)
