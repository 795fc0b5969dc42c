"""A broker and an issuer of the test's own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from servicekit.broker import Broker
from servicekit.testing import Issuer, fresh_vhost


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def vhost(servers: object) -> Iterator[str]:
    with fresh_vhost() as url:
        yield url


@pytest.fixture
async def broker(vhost: str) -> AsyncIterator[Broker]:
    async with Broker(vhost, "test") as broker:
        yield broker
