"""Alembic's entry: servicekit.database.migrate hands over the connection."""

from alembic import context

from auth_svc.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
