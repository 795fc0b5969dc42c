"""The index of locations holds what lists of a place are filtered by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.drop_index("ix_devices_location", "t_devices")
    op.create_index(
        "ix_devices_location",
        "t_devices",
        [sa.text('(lower(location) COLLATE "C")'), "id"],
        postgresql_include=["location", "status", "type"],
    )
