"""Tasks that end when they are told to, and leave nothing behind."""

import asyncio

import pytest
from pymongo.lock import _async_cond_wait, _async_create_condition, _async_create_lock

from telemetry_svc.store import connect
from telemetry_svc.tasks import end, in_background


async def test_what_is_ended_while_the_driver_waits_for_a_server_takes_no_lock_of_others_along() -> None:
    async with connect("mongodb://127.0.0.1:1", "test"):
        lock = _async_create_lock()
        condition = _async_create_condition(lock)
        begun = asyncio.Event()

        async def wait() -> None:
            async with condition:
                begun.set()
                await _async_cond_wait(condition, 0.01)

        waiting = asyncio.create_task(wait())
        await begun.wait()
        async with lock:
            # Its time is over soon; it needs the lock back before it can go on, and there it is ended.
            await asyncio.wait([waiting], timeout=0.1)
            waiting.cancel()
            gone, _ = await asyncio.wait([waiting], timeout=0.1)
            assert not gone, "it went, and let go of a lock that it did not have"
        await end(waiting)
        assert not lock.locked()


async def test_a_block_ends_with_what_its_work_in_the_background_failed_with() -> None:
    async def work() -> None:
        await asyncio.sleep(0.01)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with in_background(work()):
            await asyncio.sleep(60)
    host = asyncio.current_task()
    assert host
    assert not host.cancelling()


async def test_what_failed_behind_a_block_that_somebody_else_ends_is_raised_all_the_same() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    # As a fixture does it: begun in one task, ended in another one.
    opened = in_background(work())
    await asyncio.create_task(opened.__aenter__())
    await asyncio.sleep(0.01)
    with pytest.raises(ZeroDivisionError):
        await opened.__aexit__(None, None, None)


async def test_what_fails_while_it_is_ended_disturbs_nobody() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ZeroDivisionError from None

    async with in_background(work()):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


async def test_work_in_the_background_ends_with_its_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with in_background(work()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_work_that_can_finish_is_told_to_and_is_not_cut_short() -> None:
    told, finished = asyncio.Event(), False

    async def work() -> None:
        nonlocal finished
        await told.wait()
        await asyncio.sleep(0.01)
        finished = True

    async with in_background(work(), told.set):
        await asyncio.sleep(0)
    assert finished


async def test_a_block_ends_with_what_work_that_could_finish_failed_with() -> None:
    async def work() -> None:
        await asyncio.sleep(0.01)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with in_background(work(), lambda: None):
            await asyncio.sleep(60)
