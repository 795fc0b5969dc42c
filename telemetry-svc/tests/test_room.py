"""A journal at its bound: ingest waits for the fold, nothing is lost, and it goes on by itself."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY

from servicekit.testing import eventually, refused
from telemetry_svc.clock import system
from telemetry_svc.ingest import room
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store
from telemetry_svc.watch.handover import MAX_ROWS

Make = Callable[..., Any]
BOUND = 256 * 1024


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A journal for some ten thousand readings, which nothing but its bound has folded."""
    return settings.model_copy(
        update={"journal_megabytes": BOUND / 1024 / 1024, "fold_rows": 10**9, "fold_seconds": 10**6}
    )


class Stuck:
    """An owner of a device's partition that does not fold."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def hold(self, device_id: int) -> None:
        far = datetime.now(UTC) + timedelta(days=1)
        lease = {"owner": "somebody", "epoch": 5, "expires_at": far}
        await self._store.leases.update_one({"_id": device_id}, {"$set": lease})

    async def release(self, device_id: int) -> None:
        await self._store.leases.update_one(
            {"_id": device_id}, {"$set": {"expires_at": datetime.fromtimestamp(0, UTC)}}
        )


@pytest.fixture
async def stuck(store: Store) -> Stuck:
    """Of device 7."""
    stuck = Stuck(store)
    await stuck.hold(7)
    return stuck


async def test_a_journal_at_its_bound_slows_streams_down_refuses_new_ones_and_recovers(
    stuck: Stuck, inventory: Any, gateway: Any, admin: Any, batch: Make, store: Store, clock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.05)
    await inventory.deploy(7, 8)
    stream = gateway.stream()
    start, sent, enough = system() - 70_000_000, 0, asyncio.Event()

    async def flood() -> Any:
        nonlocal sent
        while not enough.is_set():
            times = [start + sent * 10_000 + row for row in range(10_000)]
            await stream.send(batch(sent + 1, times, device=7, temperature=[1.0] * 10_000))
            sent += 1
        await stream.call.done_writing()
        return await stream.call

    flooding = asyncio.create_task(flood())

    async def full() -> bool:
        return (REGISTRY.get_sample_value("fieldstock_journal_bytes") or 0) >= BOUND

    await eventually(full, within=20)
    at_first = sent
    no = await refused(admin.create(8, {"temperature": 1}))
    assert (no.code, no.reason) == ("UNAVAILABLE", "INGEST_UNAVAILABLE")
    error, _ = await gateway.stream().ended()
    assert (error.code(), "RetryInfo" in str(error.trailing_metadata())) == (grpc.StatusCode.UNAVAILABLE, True)

    async def still() -> bool:
        before = sent
        await asyncio.sleep(0.3)
        return sent == before

    await eventually(still, within=20, every=0)
    assert (sent - at_first) * 10_000 < 4 * MAX_ROWS
    held = await store.journal.count_documents({})
    # Nobody is missed while nothing is taken.
    clock.move(400)
    assert await eventually(still, within=20, every=0)
    assert await store.journal.count_documents({}) == held
    assert await admin.alerts(state="all") == []

    enough.set()
    await stuck.release(7)
    summary = await asyncio.wait_for(flooding, 60)
    assert (summary.committed_sequence, summary.accepted_rows) == (sent, sent * 10_000)

    async def counted() -> bool:
        return (await admin.stats(window=86_400)).metrics["temperature"].count >= sent * 10_000

    await eventually(counted, within=60)

    async def taken() -> bool:
        try:
            await admin.create(8, {"temperature": 1})
        except grpc.aio.AioRpcError:
            return False
        return True

    await eventually(taken, within=20)


async def test_from_half_of_its_bound_on_whatever_there_is_is_folded(
    inventory: Any, gateway: Any, admin: Any, batch: Make, store: Store
) -> None:
    await inventory.deploy(7)
    now = system() - 10_000
    times = [now + row for row in range(8_000)]
    assert (await gateway.send(batch(1, times, device=7, temperature=[1.0] * 8_000))).accepted_rows == 8_000

    async def folded() -> bool:
        return await store.journal.count_documents({}) == 0

    await eventually(folded, within=20)
    assert len(await admin.read(7, page_size=500)) == 500
