"""The servers that tests run against: real ones, of this run's own, on ports of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Their folders have the names of their packages: pytest would take gateway/tests for a part of a package `gateway` that
# has nothing else in it, were the true one not there already.
import gateway  # noqa: F401
import servicekit  # noqa: F401
from fieldstock_dev.stack import Stack


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """PostgreSQL, MongoDB and RabbitMQ, empty; servicekit.testing finds them in the environment."""
    home: Path = tmp_path_factory.mktemp("servers")
    stack = Stack(home=home, port=0, parts=("postgres", "mongodb", "rabbitmq"), small=True)
    stack.up()
    os.environ["FIELDSTOCK_POSTGRES_URL"] = stack.postgres_url
    os.environ["FIELDSTOCK_MONGODB_URI"] = stack.mongodb_uri
    os.environ["FIELDSTOCK_AMQP_URL"] = stack.amqp_url
    os.environ["FIELDSTOCK_RABBITMQ_MANAGEMENT_URL"] = stack.rabbitmq_management_url
    try:
        yield stack
    finally:
        stack.down()
