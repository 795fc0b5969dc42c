"""Replicas of the service on one database, beside each other and one after the other: what is stored is there once, and
nothing of what was known is forgotten."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from servicekit.access import Kind
from servicekit.testing import Issuer, eventually
from telemetry_svc.clock import system
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store

Make = Callable[..., Any]
ROWS = 40


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folds a partition as soon as it has some rows, and leaves the last ones in the journal."""
    return settings.model_copy(update={"fold_rows": 3 * ROWS})


async def knows(admin: Any, *device_ids: int) -> None:
    """Returns when the admin's replica has heard of these devices."""

    async def heard() -> bool:
        try:
            await asyncio.gather(*(admin.health(device_id) for device_id in device_ids))
        except grpc.aio.AioRpcError:
            return False
        return True

    await eventually(heard, within=10)


async def test_what_is_sent_again_to_another_replica_is_there_once_in_readings_numbers_and_alerts(
    start: Any, inventory: Any, admin: Any, gateway: Any, issuer: Issuer, client: Make, batch: Make
) -> None:
    await inventory.deploy(7)
    await admin.add_rule()
    now = system() - 100_000
    # Each of them ends beyond the limit, and the next begins within it.
    sent = [
        batch(sequence, [now + 100 * sequence + row for row in range(ROWS)], device=7, temperature=[80.0] * 39 + [90.0])
        for sequence in range(1, 11)
    ]
    expected = sorted({time for one in sent for time in one.time_ms}, reverse=True)
    async with start() as another:
        other, admins = client(another, issuer.metadata(Kind.INGEST, 1)), [admin, client(another, issuer.metadata())]
        await asyncio.gather(*(knows(one, 7) for one in admins))
        for ingest in (gateway, other):
            assert (await ingest.send(*sent)).committed_sequence == len(sent)
        for one in reversed(sent):
            await (other if one.sequence % 2 else gateway).send(one)
        for reader in admins:
            assert [time for time, _ in await reader.read(7, page_size=500)] == expected

            async def counted(reader: Any = reader) -> bool:
                return (await reader.stats()).metrics["temperature"].count == len(expected)

            await eventually(counted, within=20)
            assert len(await reader.alerts(state="all")) == len(sent)


async def test_a_restart_forgets_no_last_value_no_last_seen_and_no_number(
    start: Any, inventory: Any, issuer: Issuer, client: Make, batch: Make, store: Store
) -> None:
    random, now = np.random.default_rng(1), system()
    expected: dict[tuple[int, int], float] = {}

    async def send(admin: Any) -> None:
        """Rows of two devices, of which some came before, also with other values."""
        devices = random.choice([7, 8], 2 * ROWS).tolist()
        times = (now - random.integers(0, 60, 2 * ROWS)).tolist()
        values = random.normal(20, 1, 2 * ROWS).round(2).tolist()
        for device_id, time, value in zip(devices, times, values, strict=True):
            expected.setdefault((device_id, time), value)
        await admin.send(batch(1, times, device=devices, temperature=values))

    async def told(admin: Any) -> tuple[Any, Any]:
        health = await admin.health(7)
        return health.latest["temperature"], health.last_seen

    async def counted(admin: Any) -> bool:
        numbers = (await admin.stats()).metrics["temperature"]
        values = list(expected.values())
        return (numbers.count, numbers.min, numbers.max) == (len(values), min(values), max(values))

    before: tuple[Any, Any] | None = None
    for _ in range(3):
        async with start() as channel:
            admin = client(channel, issuer.metadata())
            await (inventory.deploy(7, 8) if before is None else knows(admin, 7))

            async def same(admin: Any = admin, before: Any = before) -> bool:
                return before is None or await told(admin) == before

            await eventually(same, within=10)
            await send(admin)
            await eventually(lambda admin=admin: counted(admin), within=20)
            before = await told(admin)
            newest = max(time for device_id, time in expected if device_id == 7)
            assert before[0].time.ToMilliseconds() == newest
            assert before[0].value == expected[7, newest]
            found = {time: metrics["temperature"] for time, metrics in await admin.read(7, page_size=500)}
            assert found == {time: value for (device_id, time), value in expected.items() if device_id == 7}
    assert await store.segments.count_documents({}) > 0
