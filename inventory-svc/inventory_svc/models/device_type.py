"""What devices of a type have in common."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Integer, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from inventory_svc.models.base import Base


class DeviceType(Base):
    """A type of device; 0 in a limit means the system's own."""

    __tablename__ = "t_device_types"

    type: Mapped[str] = mapped_column(String(50, collation="C"), primary_key=True)
    # [{"name": "temperature", "unit": "°C"}]
    metrics: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    silence_seconds: Mapped[int] = mapped_column(Integer, server_default="0")
    retention_days: Mapped[int] = mapped_column(Integer, server_default="0")
    compatible_types: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
