"""Who did what to which device."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Identity, Index, Integer, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from inventory_svc.models.base import Base


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
