"""Fields are checked together."""

from datetime import date

import pytest

from servicekit.errors import InvalidFields
from servicekit.fields import Fields


def test_all_that_is_wrong_is_told_at_once():
    fields = Fields()
    fields.text("name", "   ", longest=10, required=True)
    fields.text("type", "x" * 11, longest=10)
    fields.text("place", "a\x00b", longest=10)
    fields.prose("notes", "a\x00b", longest=10)
    fields.day("bought", "2026-02-30")
    fields.day("sold", "20260101")
    fields.day("scrapped", "2026-W01-1")
    fields.prose("history", "a" + "\n" * 9 + "b", longest=10)
    fields.prose("remark", "a\x1cb", longest=10)
    fields.one_of("status", "lost", ["found", "kept"])
    with pytest.raises(InvalidFields) as caught:
        fields.check()
    assert caught.value.violations == {
        "name": "is required",
        "type": "must not be longer than 10 characters",
        "place": "must not hold control characters",
        "notes": "must not hold control characters",
        "bought": "must be a date as YYYY-MM-DD",
        "sold": "must be a date as YYYY-MM-DD",
        "scrapped": "must be a date as YYYY-MM-DD",
        "history": "must not be longer than 10 characters",
        "remark": "must not hold control characters",
        "status": "must be found or kept",
    }


def test_what_is_right_comes_back_trimmed():
    fields = Fields()
    assert fields.text("name", " Prüfstand 4 \n", longest=11) == "Prüfstand 4"
    assert fields.prose("notes", " one\n\ttwo ", longest=10) == "one\n\ttwo"
    assert fields.day("bought", "2026-02-28") == date(2026, 2, 28)
    assert fields.day("sold", "") is None
    assert fields.one_of("status", "", ["found"]) == ""
    fields.check()
