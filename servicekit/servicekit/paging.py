"""Keyset pages: a token says after which row to go on, and for which question."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import grpc
from google.protobuf.message import Message

from servicekit.errors import InvalidField, ServiceError

DEFAULT_SIZE, MAX_SIZE = 50, 500

# What a part of a position may be: some text, an int32 id, milliseconds or microseconds since 1970 up to the end of the
# year 9999. A token is not signed: a position that no row can have must not get as far as a database.
TEXT, ID, MILLISECONDS, MICROSECONDS = str, range(2**31), range(253_402_300_800_000), range(253_402_300_800_000_000)
Part = type[str] | range


class InvalidPageToken(ServiceError):
    """The page token is not one of ours, or the filters are not those that it was made with."""

    code, reason = grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN"


@runtime_checkable
class Pageable(Protocol):
    """A list request: page_size, page_token, and the filters beside them."""

    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for. `after`: the position of the last row of the page before; None on the first."""

    size: int
    after: tuple[int | str, ...] | None
    _question: str

    def token(self, position: Sequence[int | str]) -> str:
        """The token of the page after the row at `position`."""
        text = json.dumps([self._question, *position], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_page(request: Message, *shape: Part) -> Page:
    """The page that a list request asks for; `shape` says what the parts of a position may be.

    Raises InvalidField (negative page_size), InvalidPageToken.
    """
    if not isinstance(request, Pageable):
        raise TypeError(f"{type(request).__name__} has no page_size and page_token")
    if request.page_size < 0:
        raise InvalidField("page_size", "must not be negative")
    size = min(request.page_size or DEFAULT_SIZE, MAX_SIZE)
    question = _question(request)
    return Page(size, _read(request.page_token, question, shape) if request.page_token else None, question)


def _question(request: Message) -> str:
    filters = type(request)()
    filters.CopyFrom(request)
    filters.ClearField("page_size")
    filters.ClearField("page_token")
    text = type(request).__name__.encode() + filters.SerializeToString(deterministic=True)
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _read(token: str, question: str, shape: tuple[Part, ...]) -> tuple[int | str, ...]:
    try:
        made_for, *position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise InvalidPageToken from error
    if made_for != question or len(position) != len(shape) or not all(map(_fits, position, shape)):
        raise InvalidPageToken
    return tuple(position)


def _fits(value: object, part: Part) -> bool:
    if isinstance(part, range):
        return type(value) is int and value in part
    return isinstance(value, part)
