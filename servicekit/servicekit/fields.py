"""A request's fields, checked together: whoever sent three bad ones is told of three."""

import re
import unicodedata
from collections.abc import Collection
from datetime import date

from servicekit.errors import InvalidFields

# date.fromisoformat takes weeks as well: 2026-W01-1.
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What prose may hold besides printable characters.
LINES = str.maketrans("", "", "\n\r\t")


class Fields:
    """Collects what is wrong with a request's fields; `check` raises it all."""

    def __init__(self) -> None:
        self._violations: dict[str, str] = {}

    def text(self, field: str, value: str, *, longest: int, required: bool = False) -> str:
        """The value without the blanks around it, in Unicode's form NFC: what looks the same is the same."""
        trimmed = self._short(field, value, longest)
        if required and not trimmed:
            self.refuse(field, "is required")
        elif not trimmed.isprintable():
            self.refuse(field, "must not hold control characters")
        return trimmed

    def prose(self, field: str, value: str, *, longest: int) -> str:
        """As `text`, with line breaks and tabs allowed."""
        trimmed = self._short(field, value, longest)
        if not trimmed.translate(LINES).isprintable():
            self.refuse(field, "must not hold control characters")
        return trimmed

    def day(self, field: str, value: str) -> date | None:
        """A date as YYYY-MM-DD; None when empty."""
        if not value:
            return None
        try:
            return date.fromisoformat(value) if DAY.fullmatch(value) else self._not_a_day(field)
        except ValueError:
            return self._not_a_day(field)

    def one_of(self, field: str, value: str, allowed: Collection[str]) -> str:
        """One of some words, or empty."""
        if value and value not in allowed:
            self.refuse(field, f"must be {' or '.join(allowed)}")
        return value

    def refuse(self, field: str, why: str) -> None:
        """Notes that a field is wrong; the first reason stands."""
        self._violations.setdefault(field, why)

    def check(self) -> None:
        """Raises InvalidFields when anything was refused."""
        if self._violations:
            raise InvalidFields(self._violations)

    def _short(self, field: str, value: str, longest: int) -> str:
        trimmed = value.strip()
        # Only what is short: the time that normalising takes can grow with the square of the length.
        if len(trimmed) <= longest:
            trimmed = unicodedata.normalize("NFC", trimmed)
        if len(trimmed) > longest:
            self.refuse(field, f"must not be longer than {longest} characters")
        return trimmed

    def _not_a_day(self, field: str) -> None:
        self.refuse(field, "must be a date as YYYY-MM-DD")
