"""Users, sessions, device principals, signing keys, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    now = sa.func.now()
    timestamp = sa.DateTime(timezone=True)
    op.create_table(
        "t_users",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("username", sa.String(100), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("created_at", timestamp, nullable=False, server_default=now),
        sa.Column("updated_at", timestamp, nullable=False, server_default=now),
    )
    op.create_index("ux_users_username", "t_users", [sa.text("lower(username)")], unique=True)

    op.create_table(
        "t_sessions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("t_users.id"), nullable=False),
        sa.Column("started_at", timestamp, nullable=False),
        sa.Column("expires_at", timestamp, nullable=False),
        sa.Column("revoked_at", timestamp),
    )
    op.create_index("ix_sessions_user", "t_sessions", ["user_id", "expires_at"])
    op.create_table(
        "t_refresh_tokens",
        sa.Column("sha256", sa.LargeBinary, primary_key=True),
        sa.Column("session_id", sa.Uuid, sa.ForeignKey("t_sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("issued_at", timestamp, nullable=False),
        sa.Column("expires_at", timestamp, nullable=False),
        sa.Column("used_at", timestamp),
    )
    op.create_index("ix_refresh_tokens_session", "t_refresh_tokens", ["session_id"])

    op.create_table(
        "t_device_principals",
        sa.Column("device_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("serial_number", sa.String(100), nullable=False, server_default=""),
        sa.Column("status", sa.String(20), nullable=False, server_default=""),
        sa.Column("device_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("secret_sha256", sa.LargeBinary),
        sa.Column("credential_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("refusal_told_at", timestamp),
    )
    op.create_index("ix_device_principals_serial", "t_device_principals", [sa.text("lower(serial_number)")])

    op.create_table(
        "t_signing_keys",
        sa.Column("kid", sa.String(50), primary_key=True),
        sa.Column("private_key", sa.LargeBinary, nullable=False),
        sa.Column("made_at", timestamp, nullable=False),
        sa.Column("signs_from", timestamp, nullable=False),
    )

    op.create_table(
        "t_outbox",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", timestamp, nullable=False, server_default=now),
        sa.Column("problem", sa.Text),
    )
