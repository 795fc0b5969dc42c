"""What the simulator has to remember: the credentials of its devices, which are told once."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Enrolled:
    """A device that is registered."""

    index: int
    id: int
    serial_number: str
    secret: str


@dataclass
class FleetFile:
    """The memory of one simulated fleet, on disk if it has a path.

    `tag` is in every serial number of the fleet: two fleets on one server do not take each other's.
    """

    path: Path | None
    tag: str = field(default_factory=lambda: secrets.token_hex(3).upper())
    made_rules: bool = False
    devices: dict[int, Enrolled] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """What is at that path; a new fleet where nothing is. Raises ValueError for something else's file."""
        if path is None or not path.exists():
            return cls(path)
        try:
            content = json.loads(path.read_text())
            devices = [Enrolled(**device) for device in content["devices"]]
            return cls(path, content["tag"], content["made_rules"], {device.index: device for device in devices})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a fleet's file: {error!r}") from error

    def save(self) -> None:
        """Replaces the file as a whole; nobody but its owner may read it."""
        if self.path is None:
            return
        content = {
            "tag": self.tag,
            "made_rules": self.made_rules,
            "devices": [asdict(device) for _, device in sorted(self.devices.items())],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def serial_number(self, index: int) -> str:
        return f"{self.prefix}{index + 1:04}"

    @property
    def prefix(self) -> str:
        """What the serial numbers of this fleet begin with."""
        return f"FS-{self.tag}-"
