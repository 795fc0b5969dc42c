"""Devices, their log, and the outbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    now = sa.func.now()
    timestamp = sa.DateTime(timezone=True)
    op.create_table(
        "t_devices",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("type", sa.String(50), nullable=False),
        sa.Column("serial_number", sa.String(100), nullable=False),
        sa.Column("status", sa.String(20), nullable=False, server_default="in_stock"),
        sa.Column("location", sa.String(100), nullable=False, server_default=""),
        sa.Column("specs", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("purchase_date", sa.Date),
        sa.Column("deploy_date", sa.Date),
        sa.Column("last_maintenance", sa.Date),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("created_at", timestamp, nullable=False, server_default=now),
        sa.Column("updated_at", timestamp, nullable=False, server_default=now),
    )
    op.create_index("ux_devices_serial_number", "t_devices", [sa.text("lower(serial_number)")], unique=True)
    op.create_index("ix_devices_status", "t_devices", ["status", "id"])
    op.create_index("ix_devices_type", "t_devices", ["type", "id"])
    for name, column in {"location": "location", "name": "name", "serial": "serial_number"}.items():
        op.create_index(f"ix_devices_{name}", "t_devices", [sa.text(f"lower({column}) text_pattern_ops")])

    op.create_table(
        "t_users",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("username", sa.String(100), nullable=False),
    )
    op.create_table(
        "t_device_logs",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("device_id", sa.Integer, sa.ForeignKey("t_devices.id"), nullable=False),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("old_status", sa.String(20)),
        sa.Column("new_status", sa.String(20), nullable=False),
        sa.Column("performed_by", sa.Integer, sa.ForeignKey("t_users.id")),
        sa.Column("notes", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", timestamp, nullable=False, server_default=now),
    )
    op.create_index("ix_device_logs_device", "t_device_logs", ["device_id", "id"])

    op.create_table(
        "t_outbox",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", timestamp, nullable=False, server_default=now),
        sa.Column("problem", sa.Text),
    )
