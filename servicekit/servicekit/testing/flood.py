"""A sender of readings that is as fast as its connection lets it be: HTTP/2 written frame by frame."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, StreamEnded, StreamReset

from fieldstock.telemetry.v1 import reading_pb2

METHOD = "/fieldstock.telemetry.v1.IngestService/StreamReadings"
# Small messages: so many are less than a frame may have.
A_FRAME = 100


class Flood:
    """One stream. `sent`: bytes."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        token: str,
        messages: Iterator[reading_pb2.ReadingBatch],
    ) -> None:
        self._reader, self._writer, self._messages = reader, writer, messages
        self._h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        headers = {":method": "POST", ":scheme": "http", ":path": METHOD, ":authority": "fieldstock"}
        headers |= {"te": "trailers", "content-type": "application/grpc", "authorization": f"Bearer {token}"}
        self._h2.send_headers(1, headers.items())
        self.sent = 0

    async def send(self) -> None:
        """Until it is cancelled. Raises ConnectionError when the stream ends before."""
        hearing = asyncio.create_task(self._hear())
        frame = self._frame()
        try:
            while not hearing.done():
                while self._h2.local_flow_control_window(1) >= len(frame):
                    self._h2.send_data(1, frame)
                    self.sent += len(frame)
                    frame = self._frame()
                self._writer.write(self._h2.data_to_send())
                await self._writer.drain()
                await asyncio.sleep(0)
            hearing.result()
        finally:
            hearing.cancel()

    def _frame(self) -> bytes:
        written = [message.SerializeToString() for message in islice(self._messages, A_FRAME)]
        return b"".join(b"\0" + len(message).to_bytes(4, "big") + message for message in written)

    async def _hear(self) -> None:
        while data := await self._reader.read(65536):
            for event in self._h2.receive_data(data):
                if isinstance(event, (StreamEnded, StreamReset, ConnectionTerminated)):
                    raise ConnectionError(f"the stream has ended: {event}")
        raise ConnectionError("the connection was closed")


@asynccontextmanager
async def flooding(port: int, token: str, messages: Iterator[reading_pb2.ReadingBatch]) -> AsyncIterator[Flood]:
    """Sends messages, of which there is no end, while the block runs. Raises ConnectionError when the stream ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    flood = Flood(reader, writer, token, messages)
    sending = asyncio.create_task(flood.send())
    try:
        yield flood
    finally:
        sending.cancel()
        await asyncio.wait([sending])
        writer.close()
        if not sending.cancelled():
            sending.result()
