"""Reservations, stock, types and settings of devices; indexes for lists of a million."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

# Lines of the device's own (see models/stock.py), grouped: a million rows that are loaded at once are a few lines.
COUNT_CHANGES = """
CREATE FUNCTION count_stock_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO t_stock_changes (type, location, status, devices)
        SELECT type, location, status, count(*) FROM after WHERE status <> 'retired' GROUP BY type, location, status;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO t_stock_changes (type, location, status, devices)
        SELECT type, location, status, -count(*) FROM before WHERE status <> 'retired' GROUP BY type, location, status;
    ELSE
        INSERT INTO t_stock_changes (type, location, status, devices)
        SELECT type, location, status, sum(devices) FROM (
            SELECT type, location, status, -1 AS devices FROM before
            UNION ALL SELECT type, location, status, 1 FROM after
        ) AS both_ways WHERE status <> 'retired' GROUP BY type, location, status HAVING sum(devices) <> 0;
    END IF;
    RETURN NULL;
END $$
"""
TRIGGERS = {
    "INSERT": "NEW TABLE AS after",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS after",
    "DELETE": "OLD TABLE AS before",
}


def upgrade() -> None:
    now = sa.func.now()
    timestamp = sa.DateTime(timezone=True)
    op.add_column("t_devices", sa.Column("reserved_for", sa.String(100)))
    op.add_column("t_devices", sa.Column("reserved_until", timestamp))
    for name in (
        "ux_devices_serial_number",
        "ix_devices_serial",
        "ix_devices_name",
        "ix_devices_location",
        "ix_devices_type",
    ):
        op.drop_index(name, "t_devices")
    serial_number = sa.text('(lower(serial_number) COLLATE "C")')
    op.create_index("ux_devices_serial_number", "t_devices", [serial_number], unique=True)
    op.create_index("ix_devices_name", "t_devices", [sa.text('(lower(name) COLLATE "C")'), "id"])
    op.create_index("ix_devices_location", "t_devices", [sa.text('(lower(location) COLLATE "C")'), "id"])
    op.create_index("ix_devices_type", "t_devices", ["type", "status", "id"])
    op.create_index("ix_devices_updated", "t_devices", ["updated_at", "id"])
    reserved = sa.text("reserved_until IS NOT NULL")
    op.create_index("ix_devices_reserved", "t_devices", ["reserved_until"], postgresql_where=reserved)

    op.create_table(
        "t_stock",
        sa.Column("type", sa.String(50, collation="C"), primary_key=True),
        sa.Column("place", sa.String(200, collation="C"), primary_key=True),
        sa.Column("location", sa.String(100), nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False, server_default="0")
            for name in ("in_stock", "reserved", "deployed", "maintenance", "minimum")
        ),
        sa.Column("told_low", sa.Boolean, nullable=False, server_default=sa.text("false")),
    )
    op.create_index("ix_stock_place", "t_stock", ["place", "type"])
    crossed = sa.text("told_low <> (in_stock < minimum)")
    op.create_index("ix_stock_crossed", "t_stock", ["type"], postgresql_where=crossed)
    empty = sa.text("in_stock = 0 AND reserved = 0 AND deployed = 0 AND maintenance = 0 AND minimum = 0")
    op.create_index("ix_stock_empty", "t_stock", ["type"], postgresql_where=empty)
    op.create_table(
        "t_stock_changes",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("type", sa.String(50), nullable=False),
        sa.Column("location", sa.String(100), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("devices", sa.Integer, nullable=False),
    )
    op.execute(COUNT_CHANGES)
    for change, tables in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER count_{change.lower()} AFTER {change} ON t_devices REFERENCING {tables} "
            "FOR EACH STATEMENT EXECUTE FUNCTION count_stock_changes()"
        )
    op.execute(
        "INSERT INTO t_stock_changes (type, location, status, devices) "
        "SELECT type, location, status, count(*) FROM t_devices WHERE status <> 'retired' "
        "GROUP BY type, location, status"
    )

    op.create_table(
        "t_device_types",
        sa.Column("type", sa.String(50, collation="C"), primary_key=True),
        sa.Column("metrics", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("silence_seconds", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retention_days", sa.Integer, nullable=False, server_default="0"),
        sa.Column("compatible_types", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("updated_at", timestamp, nullable=False, server_default=now),
    )
    op.execute("INSERT INTO t_device_types (type) SELECT DISTINCT type FROM t_devices")

    op.create_table(
        "t_device_settings",
        sa.Column("device_id", sa.Integer, sa.ForeignKey("t_devices.id"), primary_key=True, autoincrement=False),
        sa.Column("desired", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reported_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("updated_at", timestamp),
        sa.Column("reported_at", timestamp),
    )
