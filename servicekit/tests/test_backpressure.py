"""What a sender may have on its way before it is read: over a real connection, written frame by frame."""

import asyncio
from collections.abc import AsyncIterator

from h2.config import H2Configuration
from h2.connection import H2Connection

from fieldstock.telemetry.v1 import ingest_service_pb2_grpc, reading_pb2
from servicekit.access import Kind
from servicekit.server import serve
from servicekit.testing import eventually

METHOD = "/fieldstock.telemetry.v1.IngestService/StreamReadings"
MESSAGE = reading_pb2.ReadingBatch(sequence=1, device_id=[7], time_ms=[1_000]).SerializeToString()
FRAME = (b"\0" + len(MESSAGE).to_bytes(4, "big") + MESSAGE) * 500
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


class Flood:
    """Sends whatever the connection takes. `sent`: messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, token: str) -> None:
        self._reader, self._writer = reader, writer
        self._h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        headers = {":method": "POST", ":scheme": "http", ":path": METHOD, ":authority": authority}
        headers |= {"te": "trailers", "content-type": "application/grpc", "authorization": f"Bearer {token}"}
        self._h2.send_headers(1, headers.items())
        self.sent = 0

    async def send(self) -> None:
        """Until it is cancelled."""
        hearing = asyncio.create_task(self._hear())
        try:
            while not hearing.done():
                while self._h2.local_flow_control_window(1) >= len(FRAME):
                    self._h2.send_data(1, FRAME)
                    self.sent += 500
                self._writer.write(self._h2.data_to_send())
                await self._writer.drain()
                await asyncio.sleep(0)
        finally:
            hearing.cancel()

    async def _hear(self) -> None:
        while data := await self._reader.read(65536):
            self._h2.receive_data(data)


async def test_a_sender_that_is_faster_than_its_reader_is_held_up(issuer):
    servicer = Reader()
    registration = (ingest_service_pb2_grpc.add_IngestServiceServicer_to_server, servicer)
    async with serve("127.0.0.1:0", [registration], issuer.verifier()) as server:
        target = f"127.0.0.1:{server.port}"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        flood = Flood(reader, writer, target, issuer.token(Kind.DEVICE, 7))
        sending = asyncio.create_task(flood.send())
        try:
            await eventually(lambda: asyncio.sleep(0, servicer.messages > 0))
            most, ends = 0, asyncio.get_running_loop().time() + SECONDS
            while asyncio.get_running_loop().time() < ends:
                await asyncio.sleep(0.01)
                most = max(most, (flood.sent - servicer.messages) * len(FRAME) // 500)
            assert not sending.done()
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            writer.close()
    # Far more than the first window: it was opened again and again.
    assert servicer.messages > 10_000
    assert most < MOST_BYTES
