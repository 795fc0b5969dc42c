"""Fields of requests, read."""

from typing import Any

from servicekit.errors import InvalidField


def milliseconds(request: Any, field: str) -> int | None:
    """A Timestamp in milliseconds since 1970; None: not given. Raises InvalidField for one that protobuf does not
    allow, which a gRPC caller can send all the same."""
    if not request.HasField(field):
        return None
    try:
        return getattr(request, field).ToMilliseconds()
    except ValueError:
        raise InvalidField(field, "must be a time from the year 1 to 9999") from None
