"""A device, and the lifecycle that is the only way to another status."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, DateTime, Identity, Index, Integer, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from inventory_svc.errors import InvalidTransition, ReservedForAnother, RetiredStays
from inventory_svc.models.base import Base


class Status(StrEnum):
    """What a device is doing."""

    IN_STOCK = "in_stock"
    RESERVED = "reserved"
    DEPLOYED = "deployed"
    MAINTENANCE = "maintenance"
    RETIRED = "retired"


LIFECYCLE: Mapping[Status, frozenset[Status]] = {
    Status.IN_STOCK: frozenset({Status.RESERVED, Status.DEPLOYED, Status.MAINTENANCE, Status.RETIRED}),
    Status.RESERVED: frozenset({Status.DEPLOYED, Status.IN_STOCK, Status.MAINTENANCE, Status.RETIRED}),
    Status.DEPLOYED: frozenset({Status.IN_STOCK, Status.MAINTENANCE, Status.RETIRED}),
    Status.MAINTENANCE: frozenset({Status.IN_STOCK, Status.DEPLOYED, Status.RETIRED}),
    Status.RETIRED: frozenset(),
}

# Coming back to stock is logged by where from.
RETURNS: Mapping[Status, str] = {
    Status.DEPLOYED: "recalled",
    Status.RESERVED: "released",
    Status.MAINTENANCE: "repaired",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What an action did to a device, as its log tells it. `old_status` is None for a new one."""

    action: str
    old_status: Status | None
    new_status: Status


class Device(Base):
    """A device. Its status and location change through the methods here and nowhere else."""

    __tablename__ = "t_devices"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(50))
    serial_number: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(20), server_default=Status.IN_STOCK)
    location: Mapped[str] = mapped_column(String(100), server_default="")
    specs: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    purchase_date: Mapped[date | None] = mapped_column(Date)
    deploy_date: Mapped[date | None] = mapped_column(Date)
    last_maintenance: Mapped[date | None] = mapped_column(Date)
    # While it is reserved: whom for, and until when (None: until somebody releases it).
    reserved_for: Mapped[str | None] = mapped_column(String(100))
    reserved_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    # Each ends with the id where it is not unique by itself: a page goes on where the one before ended. Text is as
    # `lowered` compares it; with its operator class, because Alembic cannot compare what has only a collation.
    __table_args__ = (
        Index("ux_devices_serial_number", text('lower(serial_number) COLLATE "C" text_ops'), unique=True),
        Index("ix_devices_name", text('lower(name) COLLATE "C" text_ops'), "id"),
        Index("ix_devices_updated", "updated_at", "id"),
        # With what lists of a place are filtered by: its devices are counted without being read.
        Index(
            "ix_devices_location",
            text('lower(location) COLLATE "C" text_ops'),
            "id",
            postgresql_include=["location", "status", "type"],
        ),
        Index("ix_devices_status", "status", "id"),
        Index("ix_devices_type", "type", "status", "id"),
        Index("ix_devices_reserved", "reserved_until", postgresql_where=text("reserved_until IS NOT NULL")),
    )

    def deploy(self, location: str, now: datetime, *, reserved_for: str = "", override: bool = False) -> Change:
        """Into the field, for somebody. Raises InvalidTransition, ReservedForAnother."""
        holder = self.reserved_for
        if holder and not override and holder.casefold() != reserved_for.casefold():
            raise ReservedForAnother(device_id=self.id, reserved_for=holder)
        change = self._become(Status.DEPLOYED, "deployed", now)
        self.location, self.deploy_date = location, now.date()
        return change

    def recall(self, location: str, now: datetime) -> Change:
        """Back to stock; the date of its deployment stays. Raises InvalidTransition."""
        change = self._become(Status.IN_STOCK, RETURNS.get(Status(self.status), "recalled"), now)
        self.location = location
        return change

    def maintain(self, location: str, now: datetime) -> Change:
        """To the workshop; an empty location leaves it as it is. Raises InvalidTransition."""
        change = self._become(Status.MAINTENANCE, "maintained", now)
        self.location, self.last_maintenance = location or self.location, now.date()
        return change

    def retire(self, now: datetime) -> Change:
        """Out of use for good. Raises InvalidTransition."""
        return self._become(Status.RETIRED, "retired", now)

    def reserve(self, reserved_for: str, until: datetime | None, now: datetime) -> Change:
        """Set aside for somebody, until a time or for good. Raises InvalidTransition."""
        change = self._become(Status.RESERVED, "reserved", now)
        self.reserved_for, self.reserved_until = reserved_for, until
        return change

    def relocate(self, location: str, now: datetime) -> Change:
        """Elsewhere, doing what it does. Raises RetiredStays."""
        if self.status == Status.RETIRED:
            raise RetiredStays(device_id=self.id)
        change = self._stay("relocated", now)
        self.location = location
        return change

    def update(self, values: Mapping[str, Any], now: datetime) -> Change | None:
        """What it is, corrected: name, type, serial_number, specs, purchase_date. None when it is all so already."""
        if all(getattr(self, field) == value for field, value in values.items()):
            return None
        for field, value in values.items():
            setattr(self, field, value)
        return self._stay("updated", now)

    def renew_credential(self, now: datetime) -> Change:
        """A change of the device, though none of its fields tells of it: its version orders the secrets."""
        return self._stay("updated", now)

    def _stay(self, action: str, now: datetime) -> Change:
        self.updated_at, self.version = now, self.version + 1
        return Change(action, Status(self.status), Status(self.status))

    def _become(self, new: Status, action: str, now: datetime) -> Change:
        old = Status(self.status)
        if new not in LIFECYCLE[old]:
            raise InvalidTransition(device_id=self.id, old=old, new=new)
        self.status, self.updated_at, self.version = new, now, self.version + 1
        self.reserved_for = self.reserved_until = None
        return Change(action, old, new)
