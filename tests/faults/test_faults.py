"""Whatever is killed, paused or cut: what was acknowledged is there, once, and is counted and judged as if it were not.

Each round: devices and gateways stream to two replicas, something happens, they go on. Then all that they made is read
back and compared with their own record; the statistics with a recount; the alerts with those that such readings must
give, which an undisturbed round gives too. Who falls silent meanwhile gives one alert, and what was told of alerts was
told in order.
"""

import os
from functools import partial

import pytest

from tests.faults.harm import HARMS
from tests.faults.house import House
from tests.faults.round import Round

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

# Several in one round, one after the other: what is different in its end can come of each of them.
QUICKLY = [
    ["a replica is killed", "mongod is killed", "the clients' links fail"],
    ["mongod is paused", "an owner is paused"],
    ["an owner is killed mid-fold", "a replica's link to mongod fails"],
]
ROUNDS = int(os.environ.get("FIELDSTOCK_SOAK_ROUNDS", "20"))
# A pause is longer than a lease lasts.
SHORT_SECONDS, LONG_SECONDS = 8.0, 20.0


@pytest.mark.parametrize("names", QUICKLY, ids=", ".join)
async def test_nothing_is_lost_and_nothing_comes_twice_when(house: House, names: list[str]) -> None:
    await Round(house).run([partial(HARMS[name], house, SHORT_SECONDS) for name in names])


@pytest.mark.soak
@pytest.mark.parametrize("name", HARMS)
@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
async def test_nor_the_next_time_when(house: House, name: str, number: int) -> None:
    await Round(house).run([partial(HARMS[name], house, LONG_SECONDS)])
