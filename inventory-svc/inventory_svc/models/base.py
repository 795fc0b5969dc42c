"""What all tables share."""

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import DeclarativeBase

from servicekit.outbox import OutboxRow


class Base(DeclarativeBase):
    """Of inventory's tables."""


class Outbox(OutboxRow, Base):
    """Events that wait for the relay."""


def lowered(text: ColumnElement[str]) -> ColumnElement[str]:
    """Text as it is compared and ordered: without case, by code point.

    The collation is "C", because one index of it serves prefixes and order alike, and no upgrade of the system's
    locales can spoil it. Lower case is the database's own idea, which is not Python's for every letter.
    """
    return func.lower(text).collate("C")
