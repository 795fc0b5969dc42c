"""The fields of an update: those that are given, and what may not be."""

from typing import Any

from inventory_svc.errors import NothingToChange, ReadOnlyFields
from inventory_svc.servicers.requests import LONGEST_NAME, LONGEST_SERIAL, LONGEST_TYPE, object_of
from servicekit.fields import Fields

TEXTS = {"name": LONGEST_NAME, "type": LONGEST_TYPE, "serial_number": LONGEST_SERIAL}
MAY_BE_EMPTY = {"specs": {}, "purchase_date": None}
READ_ONLY = ("status", "location", "deploy_date", "last_maintenance", "created_at", "updated_at")
# Not in the request's body, or only as what it is about: to be named in `clear`, they must be known here.
NEVER = frozenset({*READ_ONLY, "id", "version", "reserved_for", "reserved_until"})


def changes_of(fields: Fields, request: Any) -> dict[str, Any]:
    """Field → its new value. Raises ReadOnlyFields, NothingToChange."""
    refused = {name for name in READ_ONLY if request.HasField(name)} | (NEVER & set(request.clear))
    if refused:
        raise ReadOnlyFields(dict.fromkeys(sorted(refused), "is changed by actions or the system alone"))
    values: dict[str, Any] = {
        name: fields.text(name, getattr(request, name), longest=longest, required=True)
        for name, longest in TEXTS.items()
        if request.HasField(name)
    }
    if request.HasField("specs"):
        values["specs"] = object_of(fields, "specs", request.specs)
    if request.HasField("purchase_date"):
        values["purchase_date"] = fields.day("purchase_date", request.purchase_date)
        if not request.purchase_date:
            fields.refuse("purchase_date", "must be a date as YYYY-MM-DD; `clear` empties it")
    for name in request.clear:
        if name not in MAY_BE_EMPTY:
            fields.refuse("clear", f"must be {' or '.join(MAY_BE_EMPTY)}")
        elif name in values and request.HasField(name):
            fields.refuse(name, "must not be given and cleared at once")
        else:
            values[name] = MAY_BE_EMPTY[name]
    fields.check()
    if not values:
        raise NothingToChange
    return values
