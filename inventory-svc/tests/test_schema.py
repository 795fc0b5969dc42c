"""The migrations make what the models say, and the seed asked for."""

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from inventory_svc.models import Base
from servicekit.database import sqlalchemy_url

# As the seed has them: type, whether it must be given, what it is otherwise. Where the seed lets a column be NULL, ours
# may be stricter; times have a zone.
SEED = {
    "t_devices": {
        "id": ("integer", True),
        "name": ("character varying(100)", True),
        "type": ("character varying(50)", True),
        "serial_number": ("character varying(100)", True),
        "status": ("character varying(20)", True),
        "location": ("character varying(100)", True),
        "specs": ("jsonb", True),
        "purchase_date": ("date", False),
        "deploy_date": ("date", False),
        "last_maintenance": ("date", False),
        "created_at": ("timestamp with time zone", True),
        "updated_at": ("timestamp with time zone", True),
    },
    "t_device_logs": {
        "id": ("integer", True),
        "device_id": ("integer", True),
        "action": ("character varying(50)", True),
        "old_status": ("character varying(20)", False),
        "new_status": ("character varying(20)", True),
        "performed_by": ("integer", False),
        "notes": ("text", True),
        "created_at": ("timestamp with time zone", True),
    },
}
COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""
INSERT = "INSERT INTO t_devices (name, type, serial_number) VALUES ('Press 4', 'sensor', %s) RETURNING id"


def test_the_migrations_make_what_the_models_say(database):
    engine = create_engine(sqlalchemy_url(database))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


@pytest.fixture
def connection(database):
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("table", SEED)
def test_the_tables_have_the_columns_of_the_seed(connection, table):
    columns = {name: (type, required) for name, type, required in connection.execute(COLUMNS, [table])}
    assert columns | SEED[table] == columns


def test_ids_states_and_times_come_of_themselves(connection):
    ids = [connection.execute(INSERT, [serial]).fetchone()[0] for serial in ("SN-1", "SN-2")]
    assert ids == [1, 2]
    row = connection.execute("SELECT status, specs, now() - created_at, now() - updated_at FROM t_devices").fetchone()
    assert row[:2] == ("in_stock", {})
    assert all(abs(age.total_seconds()) < 60 for age in row[2:])


def test_two_devices_never_have_one_serial_number(connection):
    connection.execute(INSERT, ["SN-1"])
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(INSERT, ["sn-1"])


@pytest.mark.parametrize(("device", "user"), [(2, "NULL"), (1, 9)])
def test_a_log_is_of_a_device_and_of_a_user_that_exist(connection, device, user):
    connection.execute(INSERT, ["SN-1"])
    log = "INSERT INTO t_device_logs (device_id, performed_by, action, new_status) VALUES ({}, {}, 'a', 'in_stock')"
    connection.execute(log.format(1, "NULL"))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute(log.format(device, user))
