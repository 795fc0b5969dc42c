"""What the watch says aloud: who came and went, and the newest readings for those who look."""

import asyncio
from collections.abc import Callable
from itertools import islice

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from servicekit.broker import Broker, Unpublished
from servicekit.event import Event
from servicekit.logs import logger
from telemetry_svc.clock import moment
from telemetry_svc.codec import newest
from telemetry_svc.columns.fleet import Fleet, Presence
from telemetry_svc.columns.frame import PARTITIONS, Mask
from telemetry_svc.observability import PRESENCE_UNTOLD
from telemetry_svc.tasks import together

ONLINE, OFFLINE = "telemetry.presence.online", "telemetry.presence.offline"
READINGS = "readings"
LIVE_SECONDS = 1.0
# About a thousand a second: a whole fleet that comes back takes a while, and not the readings' time.
AT_ONCE, PAUSE_SECONDS = 50, 0.05
DEVICES_PER_MESSAGE = 5_000
RETRY_SECONDS = 1.0

# The message of a device's presence: id, online, last seen, when that changed.
RenderPresence = Callable[[int, bool, int, int], Message]


class Announcer:
    """Presence until the broker has it; readings once a second, and not at all when nobody can have them."""

    def __init__(self, broker: Broker, fleet: Fleet, render: RenderPresence) -> None:
        self._broker = broker
        self._fleet = fleet
        self._render = render
        # By device: a device that came and went before it could be told has only gone.
        self._untold: dict[int, tuple[bool, int]] = {}
        self._something = asyncio.Event()

    def presence(self, came: NDArray[np.intp], went: NDArray[np.intp], now_ms: int) -> None:
        """These devices came online and went offline, at this time."""
        self._untold |= dict.fromkeys(came.tolist(), (True, now_ms))
        self._untold |= dict.fromkeys(went.tolist(), (False, now_ms))
        if self._untold:
            self._something.set()

    async def run(self, mine: Mask) -> None:
        """Tells of the devices in the partitions of `mine`, until it is cancelled."""
        await together(self._tell_presence(), self._tell_readings(mine))

    async def _tell_presence(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._untold:
                some = list(islice(self._untold.items(), AT_ONCE))
                try:
                    telling = (self._tell(device_id, *change) for device_id, change in some)
                    for outcome in await asyncio.gather(*telling, return_exceptions=True):
                        if outcome:
                            raise outcome
                except Unpublished as error:
                    logger.warning("presence_waits", devices=len(self._untold), error=str(error))
                    await asyncio.sleep(RETRY_SECONDS)
                PRESENCE_UNTOLD.set(len(self._untold))
                await asyncio.sleep(PAUSE_SECONDS)

    async def _tell(self, device_id: int, online: bool, at_ms: int) -> None:
        if self._fleet.presence[device_id] != (Presence.ONLINE if online else Presence.OFFLINE):
            # It is another owner's by now, who tells what has become of it.
            self._untold.pop(device_id, None)
            return
        message = self._render(device_id, online, int(self._fleet.last_seen_ms[device_id]), at_ms)
        key = ONLINE if online else OFFLINE
        identity = f"presence:{device_id}:{at_ms}"
        await self._broker.publish(Event(key, message.SerializeToString(), identity, moment(at_ms)))
        if self._untold.get(device_id) == (online, at_ms):
            del self._untold[device_id]

    async def _tell_readings(self, mine: Mask) -> None:
        told_ms = int(self._fleet.last_seen_ms.max())
        while True:
            await asyncio.sleep(LIVE_SECONDS)
            if not self._broker.connected:
                continue
            spoke = np.flatnonzero(self._fleet.last_seen_ms > told_ms)
            told_ms = int(self._fleet.last_seen_ms.max())
            spoke = spoke[mine[spoke % PARTITIONS]]
            for start in range(0, len(spoke), DEVICES_PER_MESSAGE):
                devices = spoke[start : start + DEVICES_PER_MESSAGE].astype(np.int32)
                await self._broker.publish_live(READINGS, newest(self._fleet, devices))
