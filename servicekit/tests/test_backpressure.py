"""What a sender may have on its way before it is read: over a real connection, written frame by frame."""

import asyncio
from collections.abc import AsyncIterator
from itertools import repeat

from fieldstock.telemetry.v1 import ingest_service_pb2_grpc, reading_pb2
from servicekit.access import Kind
from servicekit.server import serve
from servicekit.testing import eventually
from servicekit.testing.flood import flooding

MESSAGE = reading_pb2.ReadingBatch(sequence=1, device_id=[7], time_ms=[1_000])
MESSAGE_BYTES = 5 + MESSAGE.ByteSize()
SECONDS = 3.0
# The stream's window, and what gRPC has read of it and not handed over yet.
MOST_BYTES = 256 * 1024


class Reader(ingest_service_pb2_grpc.IngestServiceServicer):
    """Reads messages, each a while after the one before."""

    def __init__(self) -> None:
        self.messages = 0

    async def StreamReadings(self, request_iterator: AsyncIterator[reading_pb2.ReadingBatch], context):
        async for _ in request_iterator:
            self.messages += 1
            await asyncio.sleep(0)
        return reading_pb2.StreamSummary(committed_sequence=self.messages)


async def test_a_sender_that_is_faster_than_its_reader_is_held_up(issuer):
    servicer = Reader()
    registration = (ingest_service_pb2_grpc.add_IngestServiceServicer_to_server, servicer)
    async with (
        serve("127.0.0.1:0", [registration], issuer.verifier()) as server,
        flooding(server.port, issuer.token(Kind.DEVICE, 7), repeat(MESSAGE)) as flood,
    ):
        await eventually(lambda: asyncio.sleep(0, servicer.messages > 0))
        most, ends = 0, asyncio.get_running_loop().time() + SECONDS
        while asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.01)
            most = max(most, flood.sent - servicer.messages * MESSAGE_BYTES)
    # Far more than the first window: it was opened again and again.
    assert servicer.messages > 10_000
    assert most < MOST_BYTES
