"""AMQP from others' hands: what the library makes of it, made safe for whoever shares the connection."""

from collections.abc import Mapping
from datetime import UTC, datetime
from struct import error as StructError

from aio_pika.abc import HeadersType
from pamqp import decode, encode

# With what else is said of a message, its headers go into one frame.
MOST_HEADER_BYTES = 64 * 1024
NO_TIME = datetime.fromtimestamp(0, UTC)

_library_timestamp = decode.timestamp


def bear_with_times() -> None:
    """A time that no datetime can say is taken for none: the library would end the whole connection over it, and over
    the same message again once it is back. Seconds are meant; nanoseconds are an ordinary mistake."""
    decode.METHODS["timestamp"] = decode.TABLE_MAPPING[b"T"] = _timestamp


def _timestamp(value: bytes) -> tuple[int, datetime]:
    try:
        return _library_timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, NO_TIME


def sayable(headers: HeadersType) -> HeadersType:
    """Headers as they can be published: of those that AMQP lets in and the library cannot write, their text; none where
    there are too many."""
    said = {name: value if _encoded(name, value) else repr(value) for name, value in headers.items()}
    said = {name: value for name, value in said.items() if _encoded(name, value)}
    return said if len(encode.field_table(said)) <= MOST_HEADER_BYTES else {}


def _encoded(name: str, value: object) -> bool:
    table: Mapping[str, object] = {name: value}
    try:
        encode.field_table(table)  # pyright: ignore[reportArgumentType] - that is the question
    except (TypeError, ValueError, OverflowError, StructError):
        return False
    return True
