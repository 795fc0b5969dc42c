"""A broker of the test's own."""

from collections.abc import AsyncIterator

import pytest

from servicekit.broker import Broker


@pytest.fixture
async def broker(vhost: str) -> AsyncIterator[Broker]:
    async with Broker(vhost, "test") as broker:
        yield broker
