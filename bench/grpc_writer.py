"""gRPC streams from a client, written as HTTP/2 frames: a call of grpc.aio for each message costs ten times as much as
the message, on a machine that is shared with the service."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

# As gRPC's own clients do, messages that are waiting go into one frame; but no more of them, so that each stream has
# its turn.
MESSAGES_A_FRAME = 8
# So often is looked whether the next message is due, where they are not sent as fast as they are taken.
TICK_SECONDS = 0.002
# So much is written ahead of the socket.
AHEAD_BYTES = 64 * 1024
HEAD_BYTES = 5


@dataclass(eq=False)
class Call:
    """A stream: its messages, serialized, and what comes back. `first`, `every`: the seconds after which the first
    message is due, and then each next one."""

    messages: Iterator[bytes]
    first: float = 0.0
    every: float = 0.0
    sent: int = 0
    # There are no more messages.
    over: bool = False
    answer: bytearray = field(default_factory=bytearray)
    trailers: dict[bytes, bytes] = field(default_factory=dict)
    _left: bytes = b""

    def frame(self, most_bytes: int, elapsed: float) -> bytes:
        """What is to be sent next, perhaps a part of a message; empty: nothing is due."""
        pieces, size, last = [self._left], len(self._left), self.sent + MESSAGES_A_FRAME
        while (
            size < most_bytes and self.sent < last and not self.over and self.first + self.sent * self.every <= elapsed
        ):
            message = next(self.messages, None)
            if message is None:
                self.over = True
                break
            self.sent += 1
            pieces += (b"\0", len(message).to_bytes(4, "big"), message)
            size += HEAD_BYTES + len(message)
        whole = b"".join(pieces)
        self._left = whole[most_bytes:]
        return whole[:most_bytes]

    @property
    def written(self) -> bool:
        """Whether it has nothing more to say."""
        return self.over and not self._left

    def message(self) -> bytes:
        """The answer. Raises RuntimeError when the call failed."""
        status = self.trailers.get(b"grpc-status")
        if status != b"0":
            raise RuntimeError(f"status {status}: {self.trailers.get(b'grpc-message', b'')!r}")
        return bytes(self.answer[HEAD_BYTES:])


class Connection(asyncio.Protocol):
    """Calls over one connection, each in turn a frame. `done`: when all of them are answered; fails with
    ConnectionError when the connection, or one of them, ends before."""

    def __init__(self, headers: Sequence[tuple[str, str]], calls: Sequence[Call]) -> None:
        """`headers`: of each call."""
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._headers = headers
        self._h2 = H2Connection(H2Configuration(header_encoding=None, validate_outbound_headers=False))
        self._calls = {2 * number + 1: call for number, call in enumerate(calls)}
        self._unwritten = dict(self._calls)
        self._unanswered = set(self._calls)
        self._may_write, self._will_write = True, False
        self._began = perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Opens all calls."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(AHEAD_BYTES)
        self._h2.initiate_connection()
        for stream in self._calls:
            self._h2.send_headers(stream, self._headers)
        self._write_soon()
        self._tick()

    def pause_writing(self) -> None:
        """The socket takes no more."""
        self._may_write = False

    def resume_writing(self) -> None:
        """It does again."""
        self._may_write = True
        self._write_soon()

    def data_received(self, data: bytes) -> None:
        """Answers, and room for more."""
        for event in self._h2.receive_data(data):
            self._hear(event)
        self._write_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever is not answered by now never is."""
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"{len(self._unanswered)} calls were not answered: {exc}"))

    def end(self) -> None:
        """Half-closes the calls, after what is under way."""
        for call in self._calls.values():
            call.over = True
        self._write_soon()

    def close(self) -> None:
        """Ends it, whatever is not answered yet."""
        self.done.cancel()
        self._transport.close()

    def _tick(self) -> None:
        if not self.done.done() and any(call.every for call in self._unwritten.values()):
            self._write_soon()
            self._loop.call_later(TICK_SECONDS, self._tick)

    def _write_soon(self) -> None:
        # Not at once: a server that takes all there is would keep this connection writing, and nobody else.
        if not self._will_write:
            self._will_write = True
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        self._will_write = False
        if not self._may_write or self._transport.is_closing():
            return
        moved, elapsed = False, perf_counter() - self._began
        for stream, call in list(self._unwritten.items()):
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            frame = call.frame(room, elapsed) if room > 0 else b""
            if frame or call.written:
                self._h2.send_data(stream, frame, end_stream=call.written)
                moved = True
            if call.written:
                del self._unwritten[stream]
        self._transport.write(self._h2.data_to_send())
        if moved:
            self._write_soon()

    def _hear(self, event: Event) -> None:
        match event:
            case DataReceived(stream_id=stream, data=data):
                self._calls[stream].answer += data
                self._h2.acknowledge_received_data(event.flow_controlled_length, stream)
            case (
                ResponseReceived(stream_id=stream, headers=headers)
                | TrailersReceived(stream_id=stream, headers=headers)
            ):
                self._calls[stream].trailers |= dict(headers)
            case StreamEnded(stream_id=stream) | StreamReset(stream_id=stream):
                early = self._unwritten.pop(stream, None)
                self._unanswered.discard(stream)
                if early and not early.over and not self.done.done():
                    self.done.set_exception(ConnectionError(f"a call ended early: {early.trailers}"))
                elif not self._unanswered and not self.done.done():
                    self.done.set_result(None)
            case ConnectionTerminated():
                self._transport.close()
            case _:
                pass


@asynccontextmanager
async def calling(target: str, method: str, token: str, calls: Sequence[Call]) -> AsyncIterator[Connection]:
    """Makes these calls of a method at host:port, until the block ends. Raises OSError."""
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", target),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("authorization", f"Bearer {token}"),
    ]
    host, port = target.rsplit(":", 1)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(headers, calls), host, int(port))
    try:
        yield connection
    finally:
        connection.close()
