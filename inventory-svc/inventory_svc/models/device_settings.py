"""What a device shall be set to, and what it says it is."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from inventory_svc.models.base import Base


class DeviceSettings(Base):
    """`version` is that of `desired`, 0 before the first; `reported_version` the last that the device took."""

    __tablename__ = "t_device_settings"

    device_id: Mapped[int] = mapped_column(ForeignKey("t_devices.id"), primary_key=True, autoincrement=False)
    desired: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    version: Mapped[int] = mapped_column(Integer, server_default="0")
    reported_version: Mapped[int] = mapped_column(Integer, server_default="0")
    updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reported_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @classmethod
    def none_yet(cls, device_id: int) -> "DeviceSettings":
        """Of a device that nobody has set to anything."""
        return cls(device_id=device_id, desired={}, version=0, reported_version=0)

    def desire(self, desired: dict[str, Any], now: datetime) -> None:
        """What the device shall be set to from now on."""
        self.desired, self.updated_at, self.version = desired, now, self.version + 1

    def report(self, version: int, now: datetime) -> bool:
        """The device took a version. False when it had reported that or a newer one before."""
        if version <= self.reported_version:
            return False
        self.reported_version, self.reported_at = version, now
        return True
