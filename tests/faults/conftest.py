"""A house of this folder's own: its servers are killed."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fieldstock_dev.settings import Settings
from fieldstock_dev.stack import Stack
from tests.faults.house import House


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """MongoDB, RabbitMQ, auth and inventory."""
    home: Path = tmp_path_factory.mktemp("faults")
    given = Settings(postgres_url=None, mongodb_uri=None, amqp_url=None)
    with Stack(home, parts=("mongodb", "inventory"), settings=given, small=True) as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(stack: Stack) -> AsyncIterator[House]:
    async with House(stack).running() as house:
        yield house
