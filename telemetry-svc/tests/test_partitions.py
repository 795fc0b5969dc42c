"""Who owns what, on a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.server_description import ServerDescription

from servicekit.testing import eventually
from telemetry_svc.clock import system
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.fence import Fence, LeaseLost
from telemetry_svc.partitions import Partitions
from telemetry_svc.store import Store
from telemetry_svc.tasks import end

Run = Callable[..., Any]


@pytest.fixture
def owning(store: Store) -> Run:
    """Takes partitions while the block runs."""

    @asynccontextmanager
    async def running(
        *, standby: bool = False, healthy_since_ms: Callable[[], int] = lambda: 0
    ) -> AsyncIterator[Partitions]:
        partitions = Partitions(
            store.leases,
            store.fences,
            store.members,
            gain=lambda _: None,
            lose=lambda _: None,
            healthy_since_ms=healthy_since_ms,
            standby=standby,
            clock=system,
        )
        task = asyncio.create_task(partitions.run())
        try:
            yield partitions
        finally:
            await end(task)

    return running


async def _has_all(partitions: Partitions) -> None:
    """Returns once it has all partitions."""

    async def all_of_them() -> bool:
        return len(partitions.mine) == PARTITIONS

    await eventually(all_of_them, within=20)


async def _have_halves(one: Partitions, other: Partitions) -> None:
    """Returns once each has a half."""

    async def halves() -> bool:
        return len(one.mine) == len(other.mine) == PARTITIONS // 2

    await eventually(halves, within=20)


async def test_a_transaction_that_a_dead_owner_left_open_keeps_nobody_waiting(store: Store, owning: Run) -> None:
    dead = Fence(store.fences, store.members)
    now = datetime.now(UTC)
    await store.members.insert_one({"_id": dead.owner, "expires_at": now})
    owned = {"owner": dead.owner, "epoch": 7, "expires_at": now - timedelta(seconds=1)}
    await store.leases.update_one({"_id": 3}, {"$set": owned})
    await dead.shut_out({3: 7})
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
            # MongoDB itself ends it after a minute.
            await _has_all(partitions)
            assert partitions.fence.epochs[3] == 8
    finally:
        await end(task)


async def test_a_transaction_that_outlasts_the_lease_does_not_keep_its_owner_from_renewing_it(
    store: Store, owning: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry_svc.partitions.LEASE_SECONDS", 3.0)
    async with owning() as partitions:
        await _has_all(partitions)
        fence, epochs = partitions.fence, dict(partitions.fence.epochs)

        async def work(session: Any) -> None:
            assert await fence.check(3, session) == epochs[3]
            began = fence.until

            async def renewed() -> bool:
                return fence.until > began + 4.0

            await eventually(renewed, within=20)
            await store.marks.insert_one({"_id": "written"}, session=session)

        await fence.transaction(work)
        assert fence.epochs == epochs
        assert await store.marks.find_one({"_id": "written"})


async def test_a_partition_is_let_go_of_when_no_transaction_of_its_owner_is_open_for_it(
    store: Store, owning: Run
) -> None:
    async with owning() as one:
        await _has_all(one)
        begun, enough = asyncio.Event(), asyncio.Event()

        async def work(session: Any) -> None:
            await one.fence.check(PARTITIONS - 1, session)
            begun.set()
            await enough.wait()

        task = asyncio.create_task(one.fence.transaction(work))
        await asyncio.wait_for(begun.wait(), 10)
        async with owning() as other:

            async def all_others() -> bool:
                return (len(one.mine), len(other.mine)) == (PARTITIONS // 2 + 1, PARTITIONS // 2 - 1)

            await eventually(all_others, within=20)
            assert PARTITIONS - 1 in one.mine
            enough.set()
            await task
            await _have_halves(one, other)
            assert PARTITIONS - 1 in other.mine


async def test_a_fence_that_somebody_holds_keeps_nobody_from_the_other_partitions(store: Store, owning: Run) -> None:
    stranger = Fence(store.fences, store.members)
    await stranger.shut_out({3: 7})
    stranger.epochs[3], stranger.until = 7, float("inf")
    await store.leases.update_one({"_id": 3}, {"$set": {"epoch": 7}})
    begun, enough = asyncio.Event(), asyncio.Event()

    async def work(session: Any) -> None:
        await stranger.check(3, session)
        begun.set()
        await enough.wait()

    task = asyncio.create_task(stranger.transaction(work))
    await asyncio.wait_for(begun.wait(), 10)
    async with owning() as partitions:

        async def others() -> bool:
            return partitions.mine == [one for one in range(PARTITIONS) if one != 3]

        await eventually(others)
        enough.set()
        await task
        await _has_all(partitions)
        assert partitions.fence.epochs[3] == 8


async def test_fences_are_raised_though_the_driver_still_believes_that_mongodb_is_slow(
    owning: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ServerDescription, "min_round_trip_time", 1.0)
    async with owning() as partitions:
        await _has_all(partitions)


async def test_who_was_paused_and_replaced_writes_nothing_any_more(store: Store, owning: Run) -> None:
    woken = Fence(store.fences, store.members)
    await store.leases.update_one({"_id": 3}, {"$set": {"owner": woken.owner, "epoch": 7}})
    await woken.shut_out({3: 7})
    woken.epochs[3], woken.until = 7, float("inf")

    async def work(session: Any) -> None:
        await woken.check(3, session)

    await woken.transaction(work)
    async with owning() as partitions:
        await _has_all(partitions)
        with pytest.raises(LeaseLost):
            await woken.transaction(work)
        # Nor does it take it back by shutting out itself what came after it.
        await woken.shut_out({3: 7})
        with pytest.raises(LeaseLost):
            await woken.transaction(work)


async def test_what_was_taken_without_having_heard_so_is_ours_all_the_same(owning: Run) -> None:
    async with owning() as partitions:
        await _has_all(partitions)
        # The write arrived, and its answer did not.
        del partitions.fence.epochs[5]
        await _has_all(partitions)


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

        used_before: set[bytes] = set()

        async def noted_what_was_used_before() -> bool:
            used = await uses()
            again = used in used_before
            used_before.add(used)
            return again and used in await noted()

        await eventually(noted_what_was_used_before, within=20)
        await store.members.delete_one({"_id": fence.owner})
        # Else nobody could end its transactions, should it die now.
        await eventually(noted_what_was_used_before, within=20)


async def test_who_stands_by_has_what_nobody_else_has_and_lets_go_of_it_when_somebody_comes(owning: Run) -> None:
    async with owning(standby=True) as receiver:
        await _has_all(receiver)
        async with owning() as watcher:

            async def has_none() -> bool:
                return not receiver.mine and len(watcher.mine) == PARTITIONS

            await eventually(has_none, within=20)
        await _has_all(receiver)


async def test_who_stands_by_takes_nothing_before_others_could_say_that_they_are_alive_when_mongodb_is_back(
    store: Store, owning: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await store.members.insert_one({"_id": "watcher", "expires_at": soon, "healthy_since_ms": 0})
    await store.leases.update_many({}, {"$set": {"owner": "watcher", "expires_at": soon}})
    was_away, looks = False, 0
    monkeypatch.setattr("telemetry_svc.partitions.STEADY_SECONDS", 0.0)

    def healthy_since_ms() -> int:
        nonlocal was_away, looks
        looks += 1
        if was_away:
            receiver.fence.until, was_away = 0.0, False
        return 0

    async with owning(standby=True, healthy_since_ms=healthy_since_ms) as receiver:

        async def goes_on() -> bool:
            return looks > 3

        await eventually(goes_on, within=20)
        # As after six seconds without MongoDB: nothing holds any more, though the watcher is about to renew it.
        monkeypatch.setattr("telemetry_svc.partitions.STEADY_SECONDS", 600.0)
        was_away, looks = True, 0
        long_ago = {"$set": {"expires_at": datetime.now(UTC) - timedelta(minutes=1)}}
        await store.members.update_one({"_id": "watcher"}, long_ago)
        await store.leases.update_many({}, long_ago)
        await eventually(goes_on, within=20)
        assert not receiver.mine
        monkeypatch.setattr("telemetry_svc.partitions.STEADY_SECONDS", 1.0)
        await _has_all(receiver)


async def test_of_several_that_stand_by_alone_each_has_a_share(owning: Run) -> None:
    async with owning(standby=True) as one, owning(standby=True) as other:
        await _have_halves(one, other)
