"""What requests have in common, read and checked."""

import json
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict, SerializeToJsonError
from google.protobuf.struct_pb2 import Struct

from inventory_svc.models import Status
from inventory_svc.repository.listing import DeviceFilter, Order
from servicekit.errors import InvalidField
from servicekit.fields import Fields
from servicekit.paging import ID, MICROSECONDS, TEXT, Part

LONGEST_NAME, LONGEST_TYPE, LONGEST_SERIAL, LONGEST_LOCATION, LONGEST_NOTES = 100, 50, 100, 100, 10_000
LARGEST_OBJECT = 16 * 1024

# Order → the shape of a position in it.
ORDERS: dict[str, tuple[Part, ...]] = {
    "id": (ID,),
    "name": (TEXT, ID),
    "serial_number": (TEXT,),
    "updated_at": (MICROSECONDS, ID),
}


def location_of(fields: Fields, request: Any) -> str:
    """A place by its name."""
    return fields.text("location", request.location, longest=LONGEST_LOCATION)


def why_of(fields: Fields, request: Any) -> dict[str, Any]:
    """What every change carries: notes, and the version that was read."""
    return {
        "notes": fields.prose("notes", request.notes, longest=LONGEST_NOTES),
        "version": version_of(fields, request),
    }


def version_of(fields: Fields, request: Any) -> int | None:
    """The version that was read; None: any."""
    if request.version < 0:
        fields.refuse("version", "must not be negative")
    return request.version or None


def filter_of(request: Any, status: str, within: str = "") -> DeviceFilter:
    """Which devices. `within`: the message that the filter's fields are in, when it is not the request itself."""
    fields = Fields()
    which = DeviceFilter(
        status=fields.one_of(f"{within}status", status, list(Status)),
        type=fields.text(f"{within}type", request.type, longest=LONGEST_TYPE),
        location=fields.text(f"{within}location", request.location, longest=LONGEST_LOCATION + len("/*")),
        prefix=fields.text(f"{within}q", request.q, longest=LONGEST_NAME),
    )
    fields.check()
    return which


def order_of(request: Any) -> Order:
    """Raises InvalidField for what cannot be ordered by."""
    by = request.order_by.removeprefix("-") or "id"
    if by not in ORDERS or request.order_by == "-":
        raise InvalidField("order_by", f"must be {' or '.join(ORDERS)}, with a - before it to turn it around")
    return Order(by, descending=request.order_by.startswith("-"))


def moment_of(fields: Fields, field: str, request: Any) -> datetime | None:
    """A time that may be absent."""
    if not request.HasField(field):
        return None
    try:
        return getattr(request, field).ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        fields.refuse(field, "must be a time between the years 1 and 9999")
        return None


def object_of(fields: Fields, field: str, value: Struct) -> dict[str, Any]:
    """A free JSON object of bounded size."""
    try:
        found = MessageToDict(value)
    except (SerializeToJsonError, ValueError) as error:
        raise InvalidField(field, "must be JSON, which has no NaN and no infinity") from error
    text = json.dumps(found)
    if len(text) > LARGEST_OBJECT:
        fields.refuse(field, f"must not be larger than {LARGEST_OBJECT} bytes")
    if "\\u0000" in text:
        fields.refuse(field, "must not hold NUL characters")
    return found
