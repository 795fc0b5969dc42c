"""Streams of readings, over a real channel into a real journal."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from servicekit.access import Kind
from servicekit.testing import Issuer, eventually
from telemetry_svc.clock import system
from telemetry_svc.ingest.sources import MOST_STREAMS_OF_DEVICE

Make = Callable[..., Any]
INVALID, ABORTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ABORTED
PRECONDITION, UNAUTHENTICATED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNAUTHENTICATED


def rejections(summary: Any) -> list[tuple[str, int]]:
    return [(rejection.reason, rejection.rows) for rejection in summary.rejections]


async def test_a_reading_is_read_back_as_soon_as_it_is_acknowledged(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    now = system()
    summary = await device.send(batch(1, [now], temperature=[21.5]), batch(2, [now + 1], temperature=[22.5]))
    assert (summary.committed_sequence, summary.accepted_rows, summary.rejected_rows) == (2, 2, 0)
    assert await device.read(7) == [(now + 1, {"temperature": 22.5}), (now, {"temperature": 21.5})]


async def test_a_stream_says_when_to_begin_the_next(inventory: Any, device: Any) -> None:
    await inventory.deploy(7)
    stream = device.stream()
    metadata = dict(await stream.call.initial_metadata())
    assert int(metadata["rotate-after-ms"]) == 5_000


async def test_the_trailing_metadata_holds_the_summary_however_a_stream_ends(
    inventory: Any, device: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    stream = device.stream()
    await stream.send(batch(1, [system()], temperature=[1]))
    answered = await stream.finish()
    assert stream.summary(await stream.call.trailing_metadata()) == answered


async def test_a_source_may_go_on_where_its_last_stream_ended(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    await device.send(batch(41, [system()], source_id="spool", temperature=[1]))
    summary = await device.send(batch(42, [system()], source_id="spool", temperature=[2]))
    assert summary.committed_sequence == 42


async def test_a_source_whose_id_is_no_id_is_refused(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    stream = device.stream()
    await stream.send(batch(1, [system()], source_id="s" * 1_000_000, temperature=[1]))
    error, _ = await stream.ended()
    assert (error.code(), "source_id" in error.details()) == (INVALID, True)


@pytest.mark.parametrize("sequences", [(0,), (1, 3), (1, 1), (2, 1)])
async def test_sequences_that_do_not_grow_by_one_end_the_stream(
    inventory: Any, device: Any, batch: Make, sequences: tuple[int, ...]
) -> None:
    await inventory.deploy(7)
    stream = device.stream()
    await stream.send(*(batch(sequence, [system()], temperature=[1]) for sequence in sequences))
    error, summary = await stream.ended()
    assert (error.code(), "INVALID_SEQUENCE" in str(error.trailing_metadata())) == (INVALID, True)
    assert summary.committed_sequence == (sequences[0] if len(sequences) > 1 else 0)
    assert summary.accepted_rows == len(sequences) - 1


async def test_bad_rows_are_counted_and_passed_over_and_the_good_ones_stay(
    inventory: Any, gateway: Any, admin: Any, batch: Make
) -> None:
    await inventory.deploy(7, 8)
    now = system()
    summary = await gateway.send(
        batch(1, [now] * 4, device=[7, -1, 2_000_000_000, 8], temperature=[1, 2, 3, 4]),
        batch(2, [now], device=7, temperature=[1, 2]),
        batch(3, []),
        batch(4, [now], device=7, **{f"m{number}": [1.0] for number in range(65)}),
        batch(5, [now + 1], device=7, temperature=[float("inf")]),
        batch(6, [now + 2], device=7, temperature=[5]),
    )
    assert summary.committed_sequence == 6
    assert rejections(summary) == [("INVALID_BATCH", 3), ("UNKNOWN_DEVICE", 2), ("INVALID_VALUE", 1)]
    assert (summary.accepted_rows, summary.rejected_rows) == (3, 6)
    assert await admin.read(7) == [(now + 2, {"temperature": 5}), (now, {"temperature": 1})]
    assert await admin.read(8) == [(now, {"temperature": 4})]


async def test_a_device_cannot_speak_for_another(inventory: Any, device: Any, admin: Any, batch: Make) -> None:
    await inventory.deploy(7, 8)
    now = system()
    summary = await device.send(batch(1, [now, now], device=[8, 7], temperature=[1, 2]))
    assert rejections(summary) == [("NOT_OWN_DEVICE", 1)]
    assert await admin.read(8) == []
    assert await admin.read(7) == [(now, {"temperature": 2})]


async def test_rows_that_come_again_are_there_once_and_the_first_value_stays(
    inventory: Any, device: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    now = system()
    await device.send(batch(1, [now], temperature=[1], load=[0.5]))
    await device.send(batch(1, [now, now], temperature=[2, 3]), batch(2, [now], humidity=[40]))
    assert await device.read(7) == [(now, {"temperature": 1, "load": 0.5, "humidity": 40})]


async def test_the_newest_stream_of_a_source_wins(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    older, newer = device.stream(), device.stream()
    await older.send(batch(1, [system()], source_id="spool", temperature=[1]))
    await eventually(lambda: device.read(7))
    await newer.send(batch(2, [system()], source_id="spool", temperature=[2]))
    error, summary = await older.ended()
    assert (error.code(), "SOURCE_REPLACED" in str(error.trailing_metadata())) == (ABORTED, True)
    assert summary.committed_sequence == 1
    assert (await newer.finish()).committed_sequence == 2


async def test_streams_of_other_sources_leave_each_other_alone(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    one, other = device.stream(), device.stream()
    await one.send(batch(1, [system()], source_id="one", temperature=[1]))
    await other.send(batch(1, [system()], source_id="other", temperature=[2]))
    assert (await one.finish()).committed_sequence == 1
    assert (await other.finish()).committed_sequence == 1


async def test_a_gateway_sends_for_many_devices_over_several_streams_at_once(
    inventory: Any, gateway: Any, admin: Any, batch: Make
) -> None:
    devices = list(range(1, 101))
    await inventory.deploy(*devices)
    now = system()

    async def send(stream: int) -> Any:
        batches = [
            batch(
                sequence, [now + 10 * sequence + stream] * 100, device=devices, source_id=str(stream), load=[1.0] * 100
            )
            for sequence in range(1, 11)
        ]
        return await gateway.send(*batches)

    summaries = await asyncio.gather(*(send(stream) for stream in range(6)))
    assert [(one.committed_sequence, one.accepted_rows) for one in summaries] == [(10, 1_000)] * 6
    expected = sorted((now + 10 * sequence + stream for sequence in range(1, 11) for stream in range(6)), reverse=True)
    for device_id in (1, 64, 100):
        assert [time for time, _ in await admin.read(device_id, page_size=500)] == expected


@pytest.mark.parametrize("status", ["in_stock", "reserved", "retired"])
async def test_a_device_that_leaves_the_field_is_cut_off_within_two_seconds(
    inventory: Any, device: Any, gateway: Any, batch: Make, status: str
) -> None:
    await inventory.deploy(7, 8)
    stream, others = device.stream(), gateway.stream()
    await stream.send(batch(1, [system()], temperature=[1]))
    await others.send(batch(1, [system()], device=8, temperature=[1]))
    await eventually(lambda: device.read(7))
    await inventory.tell(7, status, wait=False)
    error, summary = await stream.ended(within=2)
    assert (error.code(), "DEVICE_NOT_DEPLOYED" in str(error.trailing_metadata())) == (PRECONDITION, True)
    assert summary.committed_sequence == 1
    await others.send(batch(2, [system()], device=8, temperature=[2]))
    assert (await others.finish()).committed_sequence == 2


async def test_a_device_that_is_not_in_the_field_cannot_begin(inventory: Any, device: Any) -> None:
    await inventory.tell(7, "in_stock", key="registered")
    error, summary = await device.stream().ended()
    assert (error.code(), "DEVICE_NOT_DEPLOYED" in str(error.trailing_metadata())) == (PRECONDITION, True)
    assert summary.committed_sequence == 0


async def test_a_device_that_nobody_told_of_cannot_begin(device: Any) -> None:
    error, _ = await device.stream().ended()
    assert error.code() is PRECONDITION


async def test_a_device_in_maintenance_goes_on_sending(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    stream = device.stream()
    await stream.send(batch(1, [system()], temperature=[1]))
    await inventory.tell(7, "maintenance")
    await stream.send(batch(2, [system()], temperature=[2]))
    assert (await stream.finish()).accepted_rows == 2


async def test_a_stream_ends_with_its_token(
    inventory: Any, channel: grpc.aio.Channel, issuer: Issuer, batch: Make, client: Make
) -> None:
    await inventory.deploy(7)
    token = issuer.token(Kind.DEVICE, 7, ttl=0.7)
    device = client(channel, (("authorization", f"Bearer {token}"),))
    stream = device.stream()
    await stream.send(batch(1, [system()], temperature=[1]))
    error, summary = await stream.ended()
    assert (error.code(), "TOKEN_EXPIRED" in str(error.trailing_metadata())) == (UNAUTHENTICATED, True)
    assert summary.committed_sequence == 1


async def test_a_stream_ends_when_its_token_is_revoked_and_no_other_does(
    inventory: Any, device: Any, gateway: Any, issuer: Issuer, batch: Make
) -> None:
    await inventory.deploy(7, 8)
    stream, others = device.stream(), gateway.stream()
    await stream.send(batch(1, [system()], temperature=[1]))
    await others.send(batch(1, [system()], device=8, temperature=[1]))
    await eventually(lambda: device.read(7))
    issuer.revoke("device:7")
    error, summary = await stream.ended(within=2)
    assert (error.code(), "TOKEN_REVOKED" in str(error.trailing_metadata())) == (UNAUTHENTICATED, True)
    assert summary.committed_sequence == 1
    await others.send(batch(2, [system()], device=8, temperature=[2]))
    assert (await others.finish()).committed_sequence == 2


@pytest.mark.parametrize("token", ["", "Bearer nonsense", "Basic YTpi"])
async def test_nobody_streams_without_a_token(channel: grpc.aio.Channel, client: Make, token: str) -> None:
    stream = client(channel, (("authorization", token),)).stream()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await asyncio.wait_for(stream.call, 5)
    assert error.value.code() is UNAUTHENTICATED


async def test_a_viewer_does_not_send(viewer: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await asyncio.wait_for(viewer.stream().call, 5)
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_batch_of_more_than_four_mebibytes_ends_its_stream_alone(
    inventory: Any, device: Any, gateway: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    stream, other = device.stream(), gateway.stream()
    await other.send(batch(1, [system()], device=7, temperature=[1]))
    await stream.send(batch(1, [system()] * 10_000, **{f"m{number}": [1.5] * 10_000 for number in range(64)}))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await asyncio.wait_for(stream.call, 5)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await other.finish()).committed_sequence == 1


async def test_a_client_that_goes_away_leaves_nothing_behind(inventory: Any, device: Any, batch: Make) -> None:
    await inventory.deploy(7)
    stream = device.stream()
    now = system()
    await stream.send(batch(1, [now], temperature=[1]))
    await eventually(lambda: device.read(7))
    stream.call.cancel()
    assert (await device.send(batch(1, [now + 1], temperature=[2]))).committed_sequence == 1
    assert [value for _, value in await device.read(7)] == [{"temperature": 2}, {"temperature": 1}]


async def test_a_device_has_so_many_streams_and_no_more(inventory: Any, device: Any, gateway: Any, batch: Make) -> None:
    await inventory.deploy(7)
    now = system()
    streams = [device.stream() for _ in range(MOST_STREAMS_OF_DEVICE)]
    for number, stream in enumerate(streams):
        await stream.send(batch(1, [now + number], temperature=[1]))

    async def refused() -> bool:
        error, _ = await device.stream().ended()
        return "TOO_MANY_STREAMS" in str(error.trailing_metadata())

    await eventually(refused)
    await gateway.send(batch(1, [now - 1], device=7, temperature=[1]))
    await streams[0].finish()
    await device.send(batch(1, [now - 2], temperature=[1]))
    for stream in streams[1:]:
        await stream.finish()
    assert len(await device.read(7)) == MOST_STREAMS_OF_DEVICE + 2
