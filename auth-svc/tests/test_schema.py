"""The migrations make what the models say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from auth_svc.models import Base
from servicekit.database import sqlalchemy_url


def test_the_migrations_make_what_the_models_say(database):
    engine = create_engine(sqlalchemy_url(database))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
