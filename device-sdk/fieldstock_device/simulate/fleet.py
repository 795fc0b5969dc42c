"""The whole fleet at work: one loop that reads every machine in its turn, and a client for each."""

import asyncio
import logging
import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from grpc import aio

from fieldstock_device.client import DeviceClient, State
from fieldstock_device.clock import Clock, SystemClock, sleep
from fieldstock_device.pace import Pace
from fieldstock_device.simulate.catalogue import Unit
from fieldstock_device.simulate.fleet_file import Enrolled
from fieldstock_device.simulate.incidents import Silence
from fieldstock_device.simulate.machine import Machine
from fieldstock_device.spool import MemorySpool
from fieldstock_device.target import open_channel

_log = logging.getLogger("fieldstock.simulate")

# Some servers allow no more than 100 streams on a connection before they make the rest wait; a device has two, and that
# of its settings stays open.
_DEVICES_PER_CHANNEL = 50
_MOST_CHANNELS = 64
_SPOOLS_BYTES = 64 * 1024 * 1024
_LEAST_SLOT_S = 0.02
_MOST_SLOTS = 20
_HELD_ROWS = 2_000


class SimulatedDevice:
    """A machine, and the client that sends what it measures."""

    def __init__(self, machine: Machine, client: DeviceClient, name: str) -> None:
        self.machine = machine
        self.client = client
        self.name = name
        self.silence: Silence | None = None
        self.spiking = False
        self._interval = 0.0
        self._due = 0.0
        self._held: list[tuple[float, dict[str, float]]] = []

    async def tick(self, time: float, elapsed: float, interval: float) -> None:
        """Measures once, if its settings do not want it less often, and sends it unless something is in the way."""
        if elapsed < self._due:
            return
        longer = max(interval, self._interval)
        # Ticks are not exact: the one that is nearest counts.
        self._due = elapsed + longer - interval / 2
        interval = longer
        measurement = self.machine.measure(time, elapsed, interval)
        self.silence, self.spiking = measurement.silence, measurement.spiking
        if measurement.silence is Silence.NO_NETWORK:
            if len(self._held) < _HELD_ROWS:
                self._held.append((time, measurement.metrics))
            return
        if self.client.state in (State.NOT_DEPLOYED, State.REFUSED) and self.client.pending:
            # On the shelf, one reading is enough to go on asking with.
            return
        for then, metrics in self._held:
            await self.client.record(metrics, time=then)
        self._held.clear()
        if measurement.metrics:
            await self.client.record(measurement.metrics)

    async def set(self, desired: dict[str, Any]) -> None:
        """Takes its settings. `interval_seconds`: it measures so often, or as often as the fleet if that is less."""
        wanted = desired.get("interval_seconds")
        self._interval = float(wanted) if isinstance(wanted, int | float) else 0.0
        self._due = 0.0


class Fleet:
    """Devices that share a few channels and one task's time."""

    def __init__(
        self,
        url: str,
        members: Sequence[tuple[Unit, Enrolled]],
        *,
        rate: float,
        seed: int,
        clock: Clock | None = None,
    ) -> None:
        """`rate`: readings a second from each device."""
        self._clock = clock if clock is not None else SystemClock()
        self._interval = 1.0 / rate
        self._channels = [
            open_channel(url) for _ in range(min(_MOST_CHANNELS, math.ceil(len(members) / _DEVICES_PER_CHANNEL)))
        ]
        # No more than this machine can hold when the server is away for long.
        spool_bytes = min(4 * 1024 * 1024, max(64 * 1024, _SPOOLS_BYTES // max(1, len(members))))
        self.devices = [
            self._device(unit, enrolled, seed, len(members), self._channels[place % len(self._channels)], spool_bytes)
            for place, (unit, enrolled) in enumerate(members)
        ]

    async def run(self) -> None:
        """Reads and sends until it is cancelled; then sends what is left."""
        for device in self.devices:
            device.client.open()
        try:
            await self._tick_forever()
        finally:
            await asyncio.gather(*(device.client.close() for device in self.devices))
            await asyncio.gather(*(channel.close() for channel in self._channels))

    def status(self) -> str:
        """The fleet in one line."""
        states = Counter(device.client.state for device in self.devices)
        counters = [device.client.counters for device in self.devices]
        rejected = sum((counter.rejected for counter in counters), Counter[str]())
        parts = [
            f"{len(self.devices)} devices",
            ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in states.most_common()),
            f"sent {sum(counter.sent for counter in counters):,}",
            f"acknowledged {sum(counter.acknowledged for counter in counters):,}",
            f"pending {sum(device.client.pending for device in self.devices):,}",
            f"spiking {sum(device.spiking for device in self.devices)}",
            f"silent {sum(device.silence is not None for device in self.devices)}",
        ]
        for what, count in (
            ("reconnects", sum(counter.reconnects for counter in counters)),
            ("dropped", sum(counter.dropped for counter in counters)),
            *((f"rejected as {reason}", count) for reason, count in sorted(rejected.items())),
        ):
            if count:
                parts.append(f"{what} {count:,}")
        return " · ".join(parts)

    async def _tick_forever(self) -> None:
        """Every device once an interval, the fleet spread evenly over it."""
        slots = max(1, min(_MOST_SLOTS, len(self.devices), int(self._interval / _LEAST_SLOT_S)))
        started = due = self._clock.monotonic()
        while True:
            for slot in range(slots):
                elapsed = self._clock.monotonic() - started
                time = self._clock.now()
                for device in self.devices[slot::slots]:
                    await device.tick(time, elapsed, self._interval)
                # A machine that is too slow skips; it does not catch up with a burst.
                due = max(due + self._interval / slots, self._clock.monotonic())
                await sleep(self._clock, due - self._clock.monotonic())

    def _device(
        self, unit: Unit, enrolled: Enrolled, seed: int, devices: int, channel: aio.Channel, spool_bytes: int
    ) -> SimulatedDevice:
        def report(state: State) -> None:
            if state in (State.NOT_DEPLOYED, State.REFUSED):
                _log.info("device %d (%s) is %s", enrolled.id, unit.name, state.replace("_", " "))

        async def take(desired: dict[str, Any]) -> None:
            await device.set(desired)

        client = DeviceClient(
            serial_number=enrolled.serial_number,
            secret=enrolled.secret,
            channel=channel,
            spool=MemorySpool(max_bytes=spool_bytes),
            pace=Pace(flush=4.0),
            clock=self._clock,
            rng=random.Random(f"{seed} client {unit.index}"),
            on_state=report,
            # More, and the streams of settings would leave the readings none.
            on_settings=take if devices <= _MOST_CHANNELS * _DEVICES_PER_CHANNEL else None,
        )
        device = SimulatedDevice(Machine(unit, seed=seed, devices=devices), client, unit.name)
        return device
