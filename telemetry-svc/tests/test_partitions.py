"""Who owns what, on a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import OperationFailure, PyMongoError

from servicekit.testing import eventually
from telemetry_svc.clock import system
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.partitions import Fence, Partitions
from telemetry_svc.store import Store, is_away
from telemetry_svc.tasks import end

Run = Callable[..., Any]


@pytest.fixture
def owning(store: Store) -> Run:
    """Takes partitions while the block runs."""

    @asynccontextmanager
    async def running(*, standby: bool = False) -> AsyncIterator[Partitions]:
        partitions = Partitions(
            store.leases,
            store.members,
            gain=lambda _: None,
            lose=lambda _: None,
            healthy_since_ms=lambda: 0,
            standby=standby,
            clock=system,
        )
        task = asyncio.create_task(partitions.run())
        try:
            yield partitions
        finally:
            await end(task)

    return running


async def test_a_transaction_that_a_dead_owner_left_open_keeps_nobody_waiting(store: Store, owning: Run) -> None:
    dead = Fence(store.leases, store.members)
    now = datetime.now(UTC)
    await store.members.insert_one({"_id": dead.owner, "expires_at": now})
    owned = {"owner": dead.owner, "epoch": 7, "expires_at": now - timedelta(seconds=1)}
    await store.leases.update_one({"_id": 3}, {"$set": owned})
    dead.epochs[3], dead.until = 7, float("inf")
    written = asyncio.Event()

    async def work(session: Any) -> None:
        await dead.check(3, session)
        written.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(dead.transaction(work))
    try:
        await asyncio.wait_for(written.wait(), 10)
        async with owning() as partitions:

            async def all_of_them() -> bool:
                return len(partitions.mine) == PARTITIONS

            # MongoDB itself ends it after a minute.
            await eventually(all_of_them, within=20)
            assert partitions.fence.epochs[3] == 8
    finally:
        await end(task)


async def test_a_read_that_is_interrupted_with_a_transactions_session_is_no_bug(store: Store) -> None:
    client = store.database.client
    async with client.start_session() as session:
        slow = store.leases.find_one({"$where": "sleep(200)"}, session=session, comment="slow")
        reading = asyncio.create_task(slow)

        async def begun() -> bool:
            found = await client.admin.aggregate([{"$currentOp": {}}, {"$match": {"command.comment": "slow"}}])
            return bool(await found.to_list())

        await eventually(begun)
        await client.admin.command({"killSessions": [{"id": session.session_id["id"]}]})
        with pytest.raises(PyMongoError) as no:
            await reading
    assert is_away(no.value)
    async with client.start_session() as session, store.leases.find({}, batch_size=2, session=session) as found:
        await found.next()
        await client.admin.command({"killSessions": [{"id": session.session_id["id"]}]})
        with pytest.raises(PyMongoError) as no:
            await found.to_list()
    assert is_away(no.value)
    assert not is_away(OperationFailure("unknown operator", 2))


async def test_what_was_taken_without_having_heard_so_is_ours_all_the_same(owning: Run) -> None:
    async with owning() as partitions:

        async def all_of_them() -> bool:
            return len(partitions.mine) == PARTITIONS

        await eventually(all_of_them, within=20)
        # The write arrived, and its answer did not.
        del partitions.fence.epochs[5]
        await eventually(all_of_them, within=20)


async def test_whoever_was_away_for_so_long_that_it_was_removed_notes_its_sessions_again(
    store: Store, owning: Run
) -> None:
    async with owning() as partitions:
        fence = partitions.fence

        async def noted() -> set[bytes]:
            member = await store.members.find_one({"_id": fence.owner}) or {}
            return {bytes(identity) for identity in member.get("sessions", [])}

        async def uses() -> bytes:
            used: list[bytes] = []

            async def work(session: Any) -> None:
                used.append(bytes(session.session_id["id"]))

            await fence.transaction(work)
            return used[0]

        async def noted_its_own() -> set[bytes]:
            return {await uses()} & await noted()

        before = await eventually(noted_its_own)
        await store.members.delete_one({"_id": fence.owner})

        async def noted_again() -> bool:
            return bool(await noted_its_own() & before)

        # Else nobody could end its transactions, should it die now.
        await eventually(noted_again, within=20)


async def test_who_stands_by_has_what_nobody_else_has_and_lets_go_of_it_when_somebody_comes(owning: Run) -> None:
    async with owning(standby=True) as receiver:

        async def has_all() -> bool:
            return len(receiver.mine) == PARTITIONS

        await eventually(has_all, within=20)
        async with owning() as watcher:

            async def has_none() -> bool:
                return not receiver.mine and len(watcher.mine) == PARTITIONS

            await eventually(has_none, within=20)
        await eventually(has_all, within=20)


async def test_of_several_that_stand_by_alone_each_has_a_share(owning: Run) -> None:
    async with owning(standby=True) as one, owning(standby=True) as other:

        async def halves() -> bool:
            return len(one.mine) == len(other.mine) == PARTITIONS // 2

        await eventually(halves, within=20)
