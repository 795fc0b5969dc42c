"""Service accounts, wrong passwords, and revocations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    timestamp = sa.DateTime(timezone=True)
    op.create_table(
        "t_service_accounts",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary, nullable=False),
        sa.Column("created_at", timestamp, nullable=False),
        sa.Column("revoked_at", timestamp),
        sa.Column("last_used_at", timestamp),
    )
    op.create_index("ux_service_accounts_name", "t_service_accounts", [sa.text("lower(name)")], unique=True)

    op.create_table(
        "t_login_failures",
        sa.Column("name_sha256", sa.LargeBinary, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_failed_at", timestamp),
    )
    op.create_index("ix_login_failures_last", "t_login_failures", ["last_failed_at"])

    op.create_table(
        "t_revocations",
        sa.Column("principal", sa.String(50), primary_key=True),
        sa.Column("issued_before", timestamp, nullable=False),
    )
    op.create_index("ix_revocations_issued_before", "t_revocations", ["issued_before"])
