"""The tables, and the rules that they keep whoever asks: above all, a device's lifecycle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, DateTime, ForeignKey, Identity, Index, Integer, String, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column, relationship

from inventory_svc.errors import InvalidTransition
from servicekit.outbox import OutboxRow, notify_on_insert


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


class Base(DeclarativeBase):
    """Of inventory's tables."""


def _prefix_index(name: str, column: MappedColumn[str]) -> Index:
    # text_pattern_ops: LIKE 'prefix%' can use an index only in the C locale or with this.
    return Index(name, func.lower(column.column).label("lowered"), postgresql_ops={"lowered": "text_pattern_ops"})


class Device(Base):
    """A device. Its status changes through the methods here and nowhere else."""

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
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("ux_devices_serial_number", func.lower(serial_number.column), unique=True),
        Index("ix_devices_status", "status", "id"),
        Index("ix_devices_type", "type", "id"),
        _prefix_index("ix_devices_location", location),
        _prefix_index("ix_devices_name", name),
        _prefix_index("ix_devices_serial", serial_number),
    )

    def deploy(self, location: str, now: datetime) -> Change:
        """Into the field. Raises InvalidTransition."""
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

    def _become(self, new: Status, action: str, now: datetime) -> Change:
        old = Status(self.status)
        if new not in LIFECYCLE[old]:
            raise InvalidTransition(device_id=self.id, old=old, new=new)
        self.status, self.updated_at, self.version = new, now, self.version + 1
        return Change(action, old, new)


class User(Base):
    """Who performed something: auth's users as their tokens named them, so that the log's foreign key holds."""

    __tablename__ = "t_users"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    username: Mapped[str] = mapped_column(String(100))


class DeviceLog(Base):
    """One line of a device's history."""

    __tablename__ = "t_device_logs"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("t_devices.id"))
    action: Mapped[str] = mapped_column(String(50))
    old_status: Mapped[str | None] = mapped_column(String(20))
    new_status: Mapped[str] = mapped_column(String(20))
    performed_by: Mapped[int | None] = mapped_column(ForeignKey("t_users.id"))
    notes: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    performer: Mapped[User | None] = relationship(lazy="raise")

    __table_args__ = (Index("ix_device_logs_device", "device_id", "id"),)


class Outbox(OutboxRow, Base):
    """Events that wait for the relay."""


notify_on_insert(Outbox)
