"""The outbox wakes its relay by itself."""

from alembic import op

from servicekit.outbox import WAKE

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in WAKE:
        op.execute(statement)
