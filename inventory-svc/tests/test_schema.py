"""The migrations make what the models say, and the seed asked for."""

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from inventory_svc.models import Base
from servicekit.database import sqlalchemy_url

SEED = {
    "t_devices": [
        "id", "name", "type", "serial_number", "status", "location", "specs", "purchase_date", "deploy_date",
        "last_maintenance", "created_at", "updated_at",
    ],
    "t_device_logs": [
        "id", "device_id", "action", "old_status", "new_status", "performed_by", "notes", "created_at",
    ],
}  # fmt: skip


def test_the_migrations_make_what_the_models_say(database):
    engine = create_engine(sqlalchemy_url(database))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_the_tables_have_the_columns_of_the_seed(database):
    with psycopg.connect(database) as connection:
        for table, columns in SEED.items():
            rows = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
            )
            assert set(columns) <= {row[0] for row in rows}
