"""What a value may look like, by the name of its field: for people, and for the curl lines of the page."""

import re
from typing import Any

_BY_NAME: dict[str, Any] = {
    "username": "ada",
    "password": "correct horse battery staple",
    "roles": "operator",
    "role": "operator",
    "name": "Press 4",
    "type": "sensor",
    "device_type": "sensor",
    "serial_number": "SN-0007",
    "location": "Factory A - Floor 3",
    "q": "press",
    "notes": "line 3 restart",
    "metric": "temperature",
    "metrics": {"temperature": 21.5},
    "specs": {"fw": "1.2"},
    "settings": {"interval_s": 30},
    "desired": {"interval_s": 30},
    "direction": "above",
    "limit": 85,
    "kind": "threshold",
    "severity": "critical",
    "status": "deployed",
    "state": "active",
    "token_type": "Bearer",
    "id": 7,
    "device_id": 7,
    "page_size": 50,
    "action": "deploy",
    "order_by": "name",
    "window": 3600,
    "unit": "°C",
    "until": "2026-12-01T00:00:00Z",
    "reserved_for": "line 3",
    "minimum": 5,
    "ids": 7,
    "version": 4,
}
_TIME, _DATE = "2026-11-23T10:00:00Z", "2026-11-23"
# "threshold: a metric beyond ...", "info, warning or critical.", "One of in_stock, reserved, ..."
_FIRST_OF = re.compile(r"^(?:One of )?([a-z_]+)(?:, [a-z_]+[ ,.]| or [a-z_]+[.]| \(when empty\)|: )")
_ONLY = re.compile(r'must (?:then )?be "([^"]+)"|Always "([^"]+)"')


def example(name: str, schema: dict[str, Any], comment: str) -> Any | None:
    """A plausible value, or None where there is nothing better than the type to tell."""
    if schema.get("type") == "array":
        value = example(name, schema["items"], comment)
        return None if value is None else [value]
    if only := _ONLY.search(comment):
        return only[1] or only[2]
    if schema.get("format") == "date-time":
        return _TIME
    if schema.get("type") == "string" and "YYYY-MM-DD" in comment:
        return _DATE
    if schema.get("type") == "string" and name in {"id", "version"}:
        return "0f3c9a7e"
    if schema.get("type") == "string" and (first := _FIRST_OF.search(comment.strip())):
        return first[1]
    value = _BY_NAME.get(name)
    fits = {"string": str, "integer": int, "number": (int, float), "object": dict}
    return value if isinstance(value, fits.get(schema.get("type", ""), ())) else None
