"""What the tests of every folder run with: real servers, of this run's own, on ports of its own."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

# Their folders have the names of their packages: pytest would take gateway/tests for a part of a package `gateway` that
# has nothing else in it, were the true one not there already.
import gateway  # noqa: F401
import servicekit  # noqa: F401
from fieldstock_dev.stack import Stack
from servicekit.broker import Broker
from servicekit.testing import Issuer, fresh_vhost


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


@pytest.fixture
def vhost(servers: Stack) -> Iterator[str]:
    """A virtual host of RabbitMQ with nothing in it; its URL."""
    with fresh_vhost() as url:
        yield url


@pytest.fixture
async def broker(vhost: str) -> AsyncIterator[Broker]:
    """A connection of the test's own to what the test's service is connected to."""
    async with Broker(vhost, "test") as broker:
        yield broker


@pytest.fixture
def issuer() -> Issuer:
    """Signs tokens, in the place of auth-svc."""
    return Issuer()
