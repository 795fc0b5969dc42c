"""What happens to a house under load. Each takes the house and for how many seconds something is held, if it is."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

from servicekit.testing import eventually
from tests.faults.house import House

Harm = Callable[[House, float], Awaitable[None]]
# Whoever owned is replaced within that.
REPLACED_SECONDS = 10.0
PARTITIONS = 64


async def none(house: House, seconds: float) -> None:
    """An undisturbed run."""
    await house.folding()
    await asyncio.sleep(seconds / 4)


async def replica_killed(house: House, seconds: float) -> None:
    """kill -9 of one telemetry process, or of both, which come back at once as a supervisor brings them back."""
    before = await house.owners()
    for replica in random.choice([house.replicas[:1], house.replicas[1:], house.replicas]):
        replica.kill()
        replica.start()
    await house.settled(after=before)


async def owner_killed_mid_fold(house: House, seconds: float) -> None:
    """kill -9 while it folds; another one takes its partitions over, and goes on folding."""
    victim = random.choice(house.replicas)
    before = await house.owners()
    await house.folding()
    victim.kill()
    await replaced(house, before)
    victim.start()
    await house.settled()


async def store_killed(house: House, seconds: float) -> None:
    """kill -9 of mongod while groups and folds are on their way."""
    await house.folding()
    await asyncio.to_thread(house.stack.signal, "mongodb", signal.SIGKILL)
    # Who comes by the link takes whoever answers, where others look for the primary: of a mongod that is none yet the
    # driver believes that it has no sessions, for as long as that connection lasts.
    async with house.store_link.down():
        await asyncio.to_thread(house.stack.wait_healthy, "mongodb")
    await house.settled()


async def store_paused(house: House, seconds: float) -> None:
    """SIGSTOP of mongod: it keeps its connections, and says nothing."""
    house.stack.signal("mongodb", signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        house.stack.signal("mongodb", signal.SIGCONT)
    await house.settled()


async def owner_paused(house: House, seconds: float) -> None:
    """SIGSTOP of an owner, in the middle of something; when it is woken, what it does next is for nobody."""
    victim = random.choice(house.replicas)
    before = await house.owners()
    await house.folding()
    victim.signal(signal.SIGSTOP)
    try:
        async with at_least(seconds):
            await replaced(house, before)
    finally:
        victim.signal(signal.SIGCONT)
    await house.settled()


async def clients_cut_off(house: House, seconds: float) -> None:
    """The roads to telemetry are cut, silent, and closed, one after the other."""
    for link in random.sample(house.links, len(house.links)):
        link.cut()
        async with link.stalled():
            await asyncio.sleep(seconds / 4)
        link.cut()
        async with link.down():
            await asyncio.sleep(seconds / 8)


async def store_cut_off(house: House, seconds: float) -> None:
    """The road from one replica to MongoDB is cut, silent for longer than a lease lasts, and closed."""
    before = await house.owners()
    await house.folding()
    house.store_link.cut()
    async with house.store_link.stalled(), at_least(seconds):
        await replaced(house, before)
    house.store_link.cut()
    async with house.store_link.down():
        await asyncio.sleep(1)
    await house.settled()


async def replaced(house: House, before: dict[str, int]) -> None:
    """Returns once everything is owned by one that owned before: within 10 s, or this fails."""

    async def by_another() -> bool:
        owners = await house.owners()
        return sum(owners.values()) == PARTITIONS and len(owners) == 1 and owners.keys() < before.keys()

    await eventually(by_another, within=REPLACED_SECONDS, every=0.05)


@asynccontextmanager
async def at_least(seconds: float):
    """Takes so long, or as long as the block."""
    end = asyncio.get_running_loop().time() + seconds
    yield
    await asyncio.sleep(max(0.0, end - asyncio.get_running_loop().time()))


HARMS: dict[str, Harm] = {
    "nothing": none,
    "a replica is killed": replica_killed,
    "an owner is killed mid-fold": owner_killed_mid_fold,
    "mongod is killed": store_killed,
    "mongod is paused": store_paused,
    "an owner is paused": owner_paused,
    "the clients' links fail": clients_cut_off,
    "a replica's link to mongod fails": store_cut_off,
}
