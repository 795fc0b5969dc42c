"""Tokens come and go, devices are recalled and deployed again; the readings wait."""

import grpc

from fieldstock_device import Pace, State

SINGLE = Pace(batch_rows=1)
NOT_DEPLOYED = (grpc.StatusCode.PERMISSION_DENIED, "DEVICE_NOT_DEPLOYED")


async def record(client, *values):
    # With times of their own: the clock stands still, and would be waited for.
    for value in values:
        await client.record({"temperature": value}, time=1_800_000_000 + value / 1000)


async def test_the_token_is_renewed_before_it_expires_and_no_stream_outlives_it(world):
    world.peer.expires_in = 100
    world.peer.rotate_after_ms = 1_000_000
    async with world.device(pace=Pace(batch_rows=1, patience=1000)) as client:
        await record(client, 1)
        await world.until(lambda: world.peer.batches)
        world.clock.advance(69)
        await record(client, 2)
        await world.until(lambda: len(world.peer.batches) == 2)
        assert len(world.peer.streams) == 1
        world.clock.advance(20)
        await world.until(lambda: client.counters.acknowledged == 2)
        await record(client, 3)
    assert [stream.token for stream in world.peer.streams] == ["token-1", "token-2"]
    assert client.counters.reconnects == 0


async def test_one_token_serves_many_streams(world):
    world.peer.rotate_after_ms = 10_000
    async with world.device(pace=SINGLE) as client:
        for value in range(5):
            await record(client, value)
            await world.until(lambda value=value: len(world.peer.batches) == value + 1)
            world.clock.advance(10)
            await world.until(lambda value=value: client.counters.acknowledged == value + 1)
    assert len(world.peer.streams) == 5
    assert world.peer.tokens == ["token-1"]


async def test_a_token_that_is_refused_is_replaced_at_once(world):
    world.peer.rotate_after_ms = 10_000
    async with world.device(pace=SINGLE) as client:
        await record(client, 1)
        await world.until(lambda: world.peer.batches)
        world.clock.advance(10)
        await world.until(lambda: client.counters.acknowledged == 1)
        world.peer.revoked.add("token-1")
        await record(client, 2)
        # The clock stands still: nobody waited for a backoff.
        await world.until(lambda: len(world.peer.batches) == 2)
    assert [stream.token for stream in world.peer.streams] == ["token-1", "token-1", "token-2"]
    assert world.peer.values == [1, 2]


async def test_a_server_that_refuses_every_token_is_not_hammered(world):
    world.peer.revoked.update(f"token-{i}" for i in range(10))
    async with world.device(pace=SINGLE) as client:
        await record(client, 1)
        await world.until(lambda: client.state is State.REFUSED)
        assert len(world.peer.tokens) == 2
        world.peer.revoked.clear()
        world.clock.advance(5)
        await world.until(lambda: client.state is State.ONLINE)


async def test_a_sign_in_that_is_down_does_not_stop_a_device_whose_token_lasts(world, ending):
    world.peer.expires_in = 100
    world.peer.rotate_after_ms = 10_000
    async with world.device(pace=SINGLE) as client:
        await record(client, 1)
        await world.until(lambda: world.peer.batches)
        world.peer.token_failures.append(ending(grpc.StatusCode.UNAVAILABLE, "AUTH_UNAVAILABLE"))
        world.clock.advance(90)
        await world.until(lambda: client.counters.acknowledged == 1)
        await record(client, 2)
        await world.until(lambda: len(world.peer.batches) == 2)
    assert [stream.token for stream in world.peer.streams] == ["token-1", "token-1"]
    assert not world.peer.token_failures


async def test_a_wrong_secret_is_reported(world):
    async with world.device(secret="guessed", pace=SINGLE) as client:
        await record(client, 1)
        await world.until(lambda: client.state is State.REFUSED)
    # Closing does not wait for a deadline that only a new credential could help to meet.
    assert client.pending == 1


async def test_a_wrong_secret_is_reported_even_by_a_client_that_is_closing(world):
    async with world.device(secret="guessed") as client:
        await record(client, 1)
    assert world.states == [State.REFUSED, State.CLOSED]


async def test_a_revoked_token_does_not_keep_a_closing_client_from_flushing(world):
    world.peer.rotate_after_ms = 10_000
    async with world.device() as client:
        await record(client, 1)
        world.clock.advance(1)
        await world.until(lambda: world.peer.batches)
        world.clock.advance(10)
        await world.until(lambda: client.counters.acknowledged == 1)
        world.peer.revoked.add("token-1")
        await record(client, 2)
    assert client.counters.acknowledged == 2


async def test_a_device_in_stock_waits_reports_it_and_delivers_once_it_is_deployed(world, ending):
    world.peer.token_failures.extend(ending(*NOT_DEPLOYED) for _ in range(12))
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2)
        waits = []
        for _ in range(12):
            waits.append(await world.pause(client))
            assert client.state is State.NOT_DEPLOYED
            world.clock.advance(waits[-1])
        await world.until(lambda: client.state is State.ONLINE)
    assert world.peer.values == [1, 2]
    assert waits[0] <= 1
    assert 30 < max(waits) <= 60
    assert world.states == [State.NOT_DEPLOYED, State.ONLINE, State.CLOSED]


async def test_a_recall_ends_the_stream_and_keeps_what_was_not_acknowledged(world, ending):
    world.peer.endings.append(ending(grpc.StatusCode.FAILED_PRECONDITION, "DEVICE_NOT_DEPLOYED", after=3, committed=2))
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2, 3)
        world.clock.advance(await world.pause(client) / 2)
        assert client.state is State.NOT_DEPLOYED
        assert (client.counters.acknowledged, client.pending) == (2, 1)
        world.peer.token_failures.append(ending(*NOT_DEPLOYED))
        world.clock.advance(1)
        await world.until(lambda: not world.peer.token_failures)
        world.clock.advance(await world.pause(client))
        await world.until(lambda: client.state is State.ONLINE)
    assert world.peer.values == [1, 2, 3]
    # The old token speaks of a deployment that is over.
    assert world.peer.streams[1].token == "token-2"


async def test_closing_a_device_in_stock_does_not_wait(world, ending):
    world.peer.token_failures.extend(ending(*NOT_DEPLOYED) for _ in range(5))
    async with world.device(pace=SINGLE) as client:
        await record(client, 1)
        await world.until(lambda: client.state is State.NOT_DEPLOYED)
    assert client.pending == 1


async def test_the_server_says_how_long_to_wait_and_is_obeyed(world, ending):
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE", retry_after=7.5))
    async with world.device(pace=SINGLE) as client:
        await record(client, 1)
        wait = await world.pause(client)
        assert 7.5 <= wait <= 8.5
        world.clock.advance(7.4)
        assert len(world.peer.streams) == 1
        world.clock.advance(1.1)
        await world.until(lambda: len(world.peer.batches) == 1)


async def test_waits_grow_to_their_bound_and_shrink_after_a_success(world, ending):
    world.peer.endings.extend(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE") for _ in range(12))
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE", after=1, committed=1))
    waits = []
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2)
        for _ in range(12):
            waits.append(await world.pause(client))
            world.clock.advance(waits[-1])
        await world.until(lambda: client.counters.acknowledged == 1)
        assert await world.pause(client) <= 1
    assert all(wait <= 2**attempt for attempt, wait in enumerate(waits))
    assert 15 < max(waits) <= 30
    assert client.counters.reconnects == 13


async def test_a_server_that_falls_silent_is_given_up(world):
    world.peer.rotate_after_ms = 10_000
    world.peer.may_answer.clear()
    async with world.device(pace=Pace(batch_rows=1, patience=20)) as client:
        await record(client, 1)
        await world.until(lambda: world.peer.batches)
        world.clock.advance(10)
        await world.until(lambda: world.peer.streams[0].half_closed)
        world.clock.advance(20)
        await world.until(lambda: client.state is State.RETRYING)
        world.peer.may_answer.set()
        world.clock.advance(1)
        await world.until(lambda: len(world.peer.batches) == 2)
    assert world.peer.values == [1]
    assert client.counters.acknowledged == 1
