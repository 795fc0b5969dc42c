"""What a device may rely on: nothing recorded is lost, whatever the network and the server do."""

import asyncio
import math
from datetime import UTC, datetime

import grpc
import pytest

from fieldstock.telemetry.v1.reading_pb2 import Rejection
from fieldstock_device import DiskSpool, ForeignSpool, InvalidReading, MemorySpool, Pace, State

# One reading a batch: the test sees each on its own, and no clock has to move for it to be sent.
SINGLE = Pace(batch_rows=1)


async def record(client, *values):
    # With times of their own: the clock stands still, and would be waited for.
    for value in values:
        await client.record({"temperature": value}, time=1_800_000_000 + value / 1000)


async def test_readings_arrive_as_columns_with_gaps_where_a_metric_is_missing(world):
    async with world.device() as client:
        await client.record({"temperature": 21.5}, time=1_800_000_001.25)
        await client.record({"cpu": 12, "temperature": 21.6}, time=datetime(2027, 1, 15, 8, 0, 2, tzinfo=UTC))
        await client.record({"cpu": 13, "temperature": math.nan}, time=1_800_000_003)
    (batch,) = world.peer.batches
    assert list(batch.time_ms) == [1_800_000_001_250, 1_800_000_002_000, 1_800_000_003_000]
    assert batch.sequence == 1
    columns = {series.metric: list(series.values) for series in batch.series}
    assert columns["temperature"] == [21.5, 21.6, pytest.approx(math.nan, nan_ok=True)]
    assert columns["cpu"] == [pytest.approx(math.nan, nan_ok=True), 12, 13]


async def test_a_batch_leaves_when_it_is_full_or_old(world):
    async with world.device(pace=Pace(batch_rows=3, batch_age=2.0)) as client:
        await record(client, 1, 2, 3, 4)
        await world.until(lambda: len(world.peer.batches) == 1)
        assert client.pending == 4
        world.clock.advance(2.0)
        await world.until(lambda: len(world.peer.batches) == 2)
    assert [len(batch.time_ms) for batch in world.peer.batches] == [3, 1]


async def test_a_batch_tells_when_it_is_sent_whenever_it_was_measured_and_however_often_it_is_sent(world, ending):
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE", after=1))
    async with world.device(pace=SINGLE) as client:
        await client.record({"temperature": 1}, time=1_700_000_000)
        wait = await world.pause(client)
        world.clock.advance(wait)
        await world.until(lambda: len(world.peer.batches) == 2)
    sent = [batch.sent_ms for batch in world.peer.batches]
    assert sent == [1_800_000_000_000, round(1_800_000_000_000 + wait * 1000)]


@pytest.mark.parametrize(
    "metrics",
    [{}, {"Temperature": 1.0}, {"temperature": math.inf}, {"cpu": math.nan}, {f"m{i}": 1.0 for i in range(65)}],
)
async def test_what_the_server_would_never_store_is_refused_at_once(world, metrics):
    async with world.device() as client:
        with pytest.raises(InvalidReading):
            await client.record(metrics)
        assert client.pending == 0


async def test_a_source_names_itself_once_in_every_stream_and_counts_on(world):
    world.peer.rotate_after_ms = 10_000
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2)
        await world.until(lambda: len(world.peer.batches) == 2)
        world.clock.advance(10)
        await world.until(lambda: client.counters.acknowledged == 2)
        await record(client, 3)
    first, second = world.peer.streams
    assert first.source_ids == [second.source_ids[0], ""]
    assert (first.sequences, second.sequences) == ([1, 2], [3])


async def test_rotation_loses_nothing_of_what_is_recorded_while_the_summary_is_awaited(world):
    world.peer.rotate_after_ms = 10_000
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2, 3)
        await world.until(lambda: len(world.peer.batches) == 3)
        world.peer.may_answer.clear()
        world.clock.advance(10)
        await world.until(lambda: world.peer.streams[0].half_closed)
        await record(client, 4, 5)
        assert client.counters.acknowledged == 0
        assert len(world.peer.streams) == 1
        world.peer.may_answer.set()
        await world.until(lambda: len(world.peer.batches) == 5)
        assert client.counters.acknowledged == 3
    assert world.peer.values == [1, 2, 3, 4, 5]
    assert [stream.sequences for stream in world.peer.streams] == [[1, 2, 3], [4, 5]]
    assert client.counters.reconnects == 0


async def test_a_device_that_speaks_rarely_asks_for_each_acknowledgement_at_once(world):
    world.peer.rotate_after_ms = 10_000
    async with world.device(pace=SINGLE) as client:
        await record(client, 1)
        await world.until(lambda: world.peer.batches)
        world.clock.advance(10)
        await world.until(lambda: client.counters.acknowledged == 1)
        world.clock.advance(3600)
        await record(client, 2)
        await world.until(lambda: client.counters.acknowledged == 2)
    assert client.counters.streams == 2


async def test_after_a_failure_exactly_what_was_not_acknowledged_comes_again(world, ending):
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE", after=5, committed=2))
    async with world.device(pace=SINGLE) as client:
        await record(client, *range(8))
        await world.until(lambda: client.state is State.RETRYING)
        assert client.counters.acknowledged == 2
        world.clock.advance(1)
        await world.until(lambda: len(world.peer.streams) == 2)
    assert world.peer.streams[1].sequences == [3, 4, 5, 6, 7, 8]
    assert world.peer.streams[0].source_ids[0] == world.peer.streams[1].source_ids[0]
    assert world.peer.values == list(range(8))
    assert client.counters.acknowledged == 8
    assert client.counters.reconnects == 1


async def test_a_stream_that_breaks_without_a_word_is_sent_again_whole(world, ending):
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "", after=3, committed=3, tells=False))
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2, 3)
        await world.until(lambda: client.state is State.RETRYING)
        assert client.counters.acknowledged == 0
    assert world.peer.streams[1].sequences == [1, 2, 3]
    assert world.peer.values == [1, 2, 3]


async def test_the_servers_last_word_is_heard_however_fast_the_device_writes(world, ending):
    for _ in range(30):
        world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE", after=2, committed=2))
    world.peer.rotate_after_ms = 100_000
    async with world.device(pace=Pace(batch_rows=1, patience=100)) as client:
        await record(client, *range(100))
        while world.peer.endings:
            assert await world.pause(client) <= 1
            world.clock.advance(1)
    assert [stream.sequences[0] for stream in world.peer.streams] == list(range(1, 62, 2))


async def test_an_acknowledgement_that_is_late_or_too_large_releases_nothing_it_should_not(world):
    world.peer.rotate_after_ms = 10_000
    world.peer.claims.extend([2, 1, 99])
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2)
        await world.until(lambda: len(world.peer.batches) == 2)
        world.clock.advance(10)
        await world.until(lambda: client.counters.acknowledged == 2)
        await record(client, 3)
        await world.until(lambda: len(world.peer.batches) == 3)
        world.clock.advance(10)
        # The second summary speaks of batch 1 only: batch 3 is not acknowledged, and comes again.
        await world.until(lambda: client.state is State.RETRYING)
        assert client.pending == 1
        world.peer.may_answer.clear()
        world.clock.advance(2)
        await world.until(lambda: len(world.peer.batches) == 4)
        world.clock.advance(10)
        await world.until(lambda: world.peer.streams[2].half_closed)
        await record(client, 4)
        # The third claims batch 99, of which this spool has not sent any yet.
        world.peer.may_answer.set()
        await world.until(lambda: len(world.peer.batches) == 5)
        assert client.counters.acknowledged == 3
    assert [batch.sequence for batch in world.peer.batches] == [1, 2, 3, 3, 4]


async def test_a_source_that_the_server_counts_differently_starts_anew(world, ending):
    world.peer.endings.append(ending(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_SEQUENCE", after=3, committed=2))
    async with world.device(pace=SINGLE) as client:
        await record(client, 1, 2, 3, 4)
        await world.until(lambda: client.state is State.RETRYING)
    first, second = world.peer.streams
    assert second.sequences == [1, 2]
    assert second.source_ids[0] != first.source_ids[0]
    assert world.peer.values == [1, 2, 3, 4]


async def test_a_full_buffer_drops_the_oldest_and_counts_them(world, ending):
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE", after=2))
    async with world.device(pace=SINGLE, spool=MemorySpool(max_bytes=5 * 250)) as client:
        await record(client, 1, 2)
        await world.until(lambda: client.state is State.RETRYING)
        await record(client, *range(3, 13))
        kept = client.pending
        assert 0 < kept < 12
        assert client.counters.dropped == 12 - kept
    assert world.peer.values == list(range(1, 13))[-kept:]
    assert client.counters.acknowledged == kept


async def test_a_gap_that_opens_within_a_stream_is_stepped_over_with_the_next(world):
    async with world.device(pace=SINGLE, spool=MemorySpool(max_bytes=5 * 250)) as client:
        await record(client, 1)
        await world.until(lambda: len(world.peer.batches) == 1)
        # No await within lets the stream send: the buffer overflows before it comes to it.
        await record(client, *range(2, 21))
        dropped = client.counters.dropped
        await world.until(lambda: len(world.peer.streams) == 2)
    assert world.peer.streams[0].sequences == [1]
    assert world.peer.streams[1].sequences == list(range(dropped + 1, 21))


async def test_a_client_whose_sending_ended_by_a_defect_says_so_as_no_failure_of_the_disk(world):
    class Broken(MemorySpool):
        def after(self, sequence):
            raise ZeroDivisionError

    async with world.device(pace=SINGLE, spool=Broken()) as client:
        await record(client, 1)
        await world.until(client._task.done)
        with pytest.raises(RuntimeError, match="does not send any more"):
            await record(client, 2)
        with pytest.raises(ExceptionGroup):
            await client.close()


@pytest.mark.parametrize("what", ["after", "release"])
async def test_a_disk_that_gives_nothing_back_is_asked_again(world, ending, tmp_path, monkeypatch, caplog, what):
    world.peer.endings.append(ending(grpc.StatusCode.UNAVAILABLE, "GOING_DOWN", after=1, committed=1))
    with DiskSpool(tmp_path) as spool, monkeypatch.context() as patch:

        def fail(*_):
            raise OSError("no")

        patch.setattr(spool, what, fail)
        async with world.device(pace=SINGLE, spool=spool) as client:
            await record(client, 1)
            assert await world.pause(client) > 0
            assert (client.state, client.pending) == (State.RETRYING, 1)
            await record(client, 2)
            patch.undo()
            await world.until(lambda: not client.pending or world.clock.advance(1))
        assert world.peer.values == [1, 2]
        assert client.counters.acknowledged == 2
        assert "the disk gives back no batch: no" in caplog.text


async def test_the_spool_of_another_device_is_refused_before_anything_is_sent(world, tmp_path):
    with DiskSpool(tmp_path) as spool:
        spool.claim("SN-9")
        with pytest.raises(ForeignSpool, match="of SN-9, not of SN-1"):
            async with world.device(spool=spool):
                pass


async def test_rejected_rows_are_counted_by_reason(world):
    world.peer.rejections = [Rejection(reason="TIME_TOO_OLD", rows=2, message="too old")]
    async with world.device() as client:
        await record(client, 1, 2, 3)
    assert client.counters.rejected == {"TIME_TOO_OLD": 2}
    assert client.counters.acknowledged == 3


async def test_closing_flushes(world):
    async with world.device() as client:
        await record(client, 1, 2)
    assert world.peer.values == [1, 2]
    assert client.pending == 0
    assert client.state is State.CLOSED
    with pytest.raises(RuntimeError):
        await client.record({"temperature": 1.0})


async def test_closing_gives_up_at_its_deadline(world, caplog):
    world.peer.may_answer.clear()
    async with world.device(pace=Pace(flush=4.0)) as client:
        await record(client, 1, 2)
        closing = asyncio.create_task(client.close())
        await world.until(lambda: world.peer.streams and world.peer.streams[0].half_closed)
        world.clock.advance(4.0)
        await closing
    assert client.state is State.CLOSED
    assert client.pending == 2
    assert "2 readings not acknowledged" in caplog.text


async def test_a_spool_that_fails_the_last_batch_does_not_keep_what_came_before_from_being_sent(world):
    class Failing(MemorySpool):
        def append(self, batch):
            if batch.series[0].values[0] == 3:
                raise OSError("no")
            return super().append(batch)

    async with world.device(pace=Pace(batch_rows=2), spool=Failing()) as client:
        await record(client, 1, 2, 3)
        with pytest.raises(OSError, match="no"):
            await client.close()
        assert (client.state, client._task.done()) == (State.CLOSED, True)
    assert world.peer.values == [1, 2]
