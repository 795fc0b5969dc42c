"""What waits to be read by one client."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

from prometheus_client import Counter

from gateway.settings import Limits
from gateway.wire import GONE, Wire
from servicekit.logs import logger

SENT = Counter("fieldstock_edge_frames_sent", "Frames written to clients.")
DROPPED = Counter("fieldstock_edge_readings_dropped", "Readings that a newer one replaced before the client had room.")

# However short the time, so many times the allowed backlog is more than memory should bear.
FAR_BEHIND = 10


class Letter:
    """Frames, each with its key, that many clients are given together."""

    __slots__ = ("frames", "whole")

    def __init__(self, frames: Sequence[tuple[bytes, Hashable]]) -> None:
        self.frames = frames
        self.whole = b"".join(frame for frame, _ in frames)


class Mailbox:
    """Frames for one client. What there is room for is written at once, the rest by a task, as the client reads.

    Two lanes. What is kept (alerts and all that must arrive) goes first and in order; a frame with a key replaces a
    waiting one of the same key, and so do snapshots, while alerts have none. Readings go when nothing kept waits, the
    newest of each device alone: a slow client loses those, and no alert. `on_behind` is called when more than
    `limits.backlog` kept frames, or `limits.backlog_bytes` of them, have been waiting for `limits.backlog_seconds`.
    """

    def __init__(self, wire: Wire, limits: Limits, on_behind: Callable[[], None]) -> None:
        self._wire = wire
        self._limits = limits
        self._on_behind = on_behind
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = 0
        self._readings: OrderedDict[int, bytes] = OrderedDict()
        self._behind: asyncio.TimerHandle | None = None
        self._closed = False
        # While something waits. Most clients read as fast as there is something to tell, and never have one.
        self._writer: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many frames that must arrive have not been written yet."""
        return len(self._kept)

    def put(self, frame: bytes, key: Hashable = None) -> None:
        """Adds a frame that must arrive."""
        if self._closed or (self._writer is None and self._written(frame)):
            return
        if key is None:
            key = object()
        else:
            self._bytes -= len(self._kept.pop(key, b""))
        self._kept[key] = frame
        self._bytes += len(frame)
        self._write_later()
        if self._exceeds(FAR_BEHIND):
            self._closed = True
            # Soon, not now: whoever puts this frame is on its way through all the mailboxes that get it.
            asyncio.get_running_loop().call_soon(self._on_behind)
        elif not self._behind and self._exceeds(1):
            self._behind = asyncio.get_running_loop().call_later(self._limits.backlog_seconds, self._on_behind)

    def put_all(self, letter: Letter) -> None:
        """Adds a letter's frames, which must arrive."""
        if self._writer is None and not self._closed and self._written(letter.whole, len(letter.frames)):
            return
        for frame, key in letter.frames:
            self.put(frame, key)

    def put_reading(self, device_id: int, frame: bytes) -> None:
        """Adds a device's newest reading, in the place of one that is still waiting."""
        if self._closed or (self._writer is None and self._written(frame)):
            return
        if device_id in self._readings:
            DROPPED.inc()
        self._readings[device_id] = frame
        self._write_later()

    def forget_readings(self, device_id: int) -> None:
        """The client no longer follows the device."""
        self._readings.pop(device_id, None)

    def close(self) -> None:
        """Drops what waits."""
        self._closed = True
        if self._behind:
            self._behind.cancel()
        self._kept.clear()
        self._readings.clear()
        if self._writer:
            self._writer.cancel()

    def _exceeds(self, times: int) -> bool:
        return len(self._kept) > times * self._limits.backlog or self._bytes > times * self._limits.backlog_bytes

    def _written(self, data: bytes, frames: int = 1) -> bool:
        try:
            written = self._wire.write_now(data)
        except GONE as error:
            self._hang_up(error)
            return True
        if written:
            SENT.inc(frames)
        return written

    def _write_later(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._kept or self._readings:
                if self._kept:
                    _, frame = self._kept.popitem(last=False)
                    self._bytes -= len(frame)
                else:
                    _, frame = self._readings.popitem(last=False)
                if self._behind and not self._exceeds(1):
                    self._behind.cancel()
                    self._behind = None
                await self._wire.write(frame)
                SENT.inc()
            self._writer = None
        except GONE as error:
            self._hang_up(error)

    def _hang_up(self, error: Exception) -> None:
        logger.debug("client_gone", error=repr(error))
        self._closed = True
        self._wire.cut()
