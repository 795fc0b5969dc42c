"""Who stores readings, and who may: on a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from servicekit.testing import eventually
from telemetry_svc.company import Company
from telemetry_svc.store import Store
from telemetry_svc.tasks import end


@asynccontextmanager
async def staying(store: Store) -> AsyncIterator[Company]:
    """A replica that is there while the block runs."""
    company = Company(store.writers, patience_seconds=20)
    task = asyncio.create_task(company.run())
    try:
        yield company
    finally:
        await end(task)


async def alone(company: Company) -> bool:
    return company.solitude > 0


async def put(store: Store, *, alone: bool, seconds: float) -> None:
    """Another replica said last that it is there for so many seconds from now, and whether it is alone."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    await store.writers.replace_one({"_id": "other"}, {"expires_at": until, "alone": alone}, upsert=True)


async def test_who_finds_nobody_stores_at_once_and_goes_by_what_it_stores(store: Store) -> None:
    async with staying(store) as company:
        await company.joined()
        await eventually(lambda: alone(company), within=10)
    # It says when it goes, and nobody has to wait for it.
    assert await store.writers.count_documents({}) == 0


async def test_nobody_is_alone_any_more_when_another_one_may_store(store: Store) -> None:
    async with staying(store) as first:
        await eventually(lambda: alone(first), within=10)
        async with staying(store) as second:
            await second.joined()
            assert (first.solitude, second.solitude) == (0, 0)
        assert first.stay == 1


async def test_who_comes_waits_for_one_that_has_not_heard_of_it(store: Store) -> None:
    await put(store, alone=True, seconds=60)
    async with staying(store) as company:

        async def there() -> bool:
            return await store.writers.count_documents({"_id": {"$ne": "other"}}) == 1

        await eventually(there, within=10)
        assert company.stay == 0
        await put(store, alone=False, seconds=60)
        await company.joined()
        assert company.solitude == 0


async def test_one_that_went_without_a_word_is_expected_back(store: Store) -> None:
    await put(store, alone=True, seconds=-5)
    async with staying(store) as company:
        await company.joined()
        assert company.solitude == 0


async def test_one_that_could_not_say_that_it_is_there_has_another_stay(store: Store) -> None:
    async with staying(store) as company:
        first = await company.joined()
        # As when its process was paused for longer than a stay lasts.
        company._until = 0.0
        assert company.solitude == 0
        assert await company.joined() != first
