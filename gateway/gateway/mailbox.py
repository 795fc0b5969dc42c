"""What waits to be read by one client."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable

from prometheus_client import Counter

from gateway.wire import GONE, Wire
from servicekit.logs import logger

SENT = Counter("fieldstock_edge_frames_sent", "Frames written to clients.")
DROPPED = Counter("fieldstock_edge_readings_dropped", "Readings that a newer one replaced before the client had room.")

# However short the time, so many times the allowed backlog is more than memory should bear.
FAR_BEHIND = 10


class Mailbox:
    """Frames for one client, and the task that writes them as fast as the client reads.

    Two lanes. What is kept (alerts and all that must arrive) goes first and in order; a frame with a key replaces a
    waiting one of the same key, and so do snapshots, while alerts have none. Readings go when nothing kept waits, the
    newest of each device alone: a slow client loses those, and no alert. `on_behind` is called when more than
    `backlog` kept frames have been waiting for `seconds`.
    """

    def __init__(self, wire: Wire, backlog: int, seconds: float, on_behind: Callable[[], None]) -> None:
        self._wire = wire
        self._backlog = backlog
        self._seconds = seconds
        self._on_behind = on_behind
        self._kept: OrderedDict[Hashable, str] = OrderedDict()
        self._readings: OrderedDict[int, str] = OrderedDict()
        self._something = asyncio.Event()
        self._behind: asyncio.TimerHandle | None = None
        self._closed = False
        self._writer = asyncio.create_task(self._write())

    @property
    def waiting(self) -> int:
        """How many frames that must arrive have not been written yet."""
        return len(self._kept)

    def put(self, frame: str, key: Hashable = None) -> None:
        """Adds a frame that must arrive."""
        if self._closed:
            return
        if key is None:
            key = object()
        else:
            self._kept.pop(key, None)
        self._kept[key] = frame
        self._something.set()
        if len(self._kept) > self._backlog * FAR_BEHIND:
            self._closed = True
            # Soon, not now: whoever puts this frame is on its way through all the mailboxes that get it.
            asyncio.get_running_loop().call_soon(self._on_behind)
        elif len(self._kept) > self._backlog and not self._behind:
            self._behind = asyncio.get_running_loop().call_later(self._seconds, self._on_behind)

    def put_reading(self, device_id: int, frame: str) -> None:
        """Adds a device's newest reading, in the place of one that is still waiting."""
        if device_id in self._readings:
            DROPPED.inc()
        self._readings[device_id] = frame
        self._something.set()

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
        self._writer.cancel()

    async def _write(self) -> None:
        try:
            while True:
                while not (self._kept or self._readings):
                    self._something.clear()
                    await self._something.wait()
                _, frame = (self._kept or self._readings).popitem(last=False)
                if self._behind and len(self._kept) <= self._backlog:
                    self._behind.cancel()
                    self._behind = None
                await self._wire.write(frame)
                SENT.inc()
        except GONE as error:
            logger.debug("client_gone", error=repr(error))
            self._wire.cut()
