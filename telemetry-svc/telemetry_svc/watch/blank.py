"""An alert before anything happened to it."""

from dataclasses import dataclass
from datetime import datetime

from telemetry_svc.store import Document


@dataclass(frozen=True, slots=True)
class Blank:
    """What every new alert has in common. Nobody saw it yet, and it has no end."""

    identity: str
    opened_at: datetime
    updated_at: datetime

    def document(self) -> Document:
        """The fields of it."""
        return {
            "_id": self.identity,
            "acknowledged_at": None,
            "acknowledged_by": "",
            "acknowledged_note": "",
            "opened_at": self.opened_at,
            "resolved_at": None,
            "resolved_because": "",
            "resolved_by": "",
            "resolved_note": "",
            "version": 1,
            "updated_at": self.updated_at,
        }
