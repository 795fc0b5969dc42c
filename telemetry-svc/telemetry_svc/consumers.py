"""Events of others → what this service makes of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC

from pymongo.errors import PyMongoError

from fieldstock.auth.v1 import events_pb2 as auth_events_pb2
from fieldstock.inventory.v1 import events_pb2
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.logs import logger
from telemetry_svc.columns.fleet import Status
from telemetry_svc.device_types import DeviceType, DeviceTypes
from telemetry_svc.ingest.senders import Senders
from telemetry_svc.ingest.sources import Sources
from telemetry_svc.registry import Device, Registry
from telemetry_svc.watch.alerts import Alerts
from telemetry_svc.watch.drift import Drift

QUEUE = "telemetry.inventory"
# Those that carry a device as it is; credentials and settings are not for us.
DEVICE_KEYS = [
    "inventory.device.registered",
    "inventory.device.updated",
    "inventory.device.reserved",
    "inventory.device.released",
    "inventory.device.deployed",
    "inventory.device.recalled",
    "inventory.device.repaired",
    "inventory.device.maintenance",
    "inventory.device.relocated",
    "inventory.device.retired",
]
TYPE_KEY = "inventory.type.updated"
REFUSED_KEY = "auth.credential.refused"
REVOKED_KEY = "auth.principal.revoked"
# What the durable queue keeps for the store.
KEYS = [*DEVICE_KEYS, TYPE_KEY, REFUSED_KEY, REVOKED_KEY]
# How long a device may be unheard of at most that was stored unheard.
LOOK_SECONDS = 2.0
RULE_KEYS = ["telemetry.rule.changed"]

# Told of devices whose status changed in memory, or whose alerts were resolved.
DeviceListener = Callable[[Sequence[int]], Awaitable[None]]


def _device(event: Event) -> Device:
    changed = events_pb2.DeviceChanged.FromString(event.body)
    device = changed.device
    when = device.updated_at if device.HasField("updated_at") else changed.log.created_at
    status = Status[device.status.upper()]
    return Device(
        device.id,
        device.name,
        device.type,
        status,
        device.version,
        when.ToDatetime(UTC),
        device.serial_number,
        device.location,
    )


def _type(event: Event) -> DeviceType:
    changed = events_pb2.DeviceTypeChanged.FromString(event.body).type
    return DeviceType(changed.type, changed.silence_seconds, changed.version, changed.retention_days)


class Consumers:
    """A durable queue keeps the store as inventory says; a queue of this process's own does so with its memory."""

    def __init__(
        self,
        registry: Registry,
        types: DeviceTypes,
        alerts: Alerts,
        drift: Drift,
        sources: Sources,
        senders: Senders,
        listener: DeviceListener,
    ) -> None:
        self._registry = registry
        self._types = types
        self._drift = drift
        self._alerts = alerts
        self._sources = sources
        self._senders = senders
        self._listener = listener
        self._untold: dict[int, None] = {}

    def start(self, broker: Broker, rules_changed: Callable[[], Awaitable[None]]) -> None:
        """Consumes until the broker is closed."""

        async def on_rule(_event: Event) -> None:
            await rules_changed()

        broker.consume(QUEUE, KEYS, self.store)
        broker.subscribe([*DEVICE_KEYS, TYPE_KEY], self.remember, on_connect=self.reload)
        broker.subscribe(RULE_KEYS, on_rule, on_connect=rules_changed)

    async def store(self, events: Sequence[Event]) -> None:
        """Stores what the events tell of; devices first, for they may explain why another was refused."""
        await self._store_devices([_device(event) for event in events if event.key in DEVICE_KEYS])
        for event in events:
            if event.key == REFUSED_KEY:
                await self._refused(event)
            elif event.key == REVOKED_KEY:
                await self._senders.store(auth_events_pb2.PrincipalRevoked.FromString(event.body).principal)
            elif event.key == TYPE_KEY:
                await self._types.store(_type(event))
                self._types.remember(_type(event))

    async def _refused(self, event: Event) -> None:
        refused = auth_events_pb2.CredentialRefused.FromString(event.body)
        await self._drift.refused(refused.device_id, refused.device_status, refused.refused_at.ToDatetime(UTC))

    async def _store_devices(self, devices: Sequence[Device]) -> None:
        """Stores devices, and resolves the alerts of those that left the field, or came there."""
        if not devices:
            return
        await self._registry.store(devices)
        # Even of an event that came late or again: the process may have died between the two. Mostly there is nothing
        # to do, and that is known of all of them at once.
        ids = list({device.id for device in devices})
        concerned = await self._alerts.devices_with_any(ids) | await self._drift.refused_ones(ids)
        changed: dict[int, None] = {}
        for device in devices:
            ended = device.id in concerned and await self._end_alerts(device)
            # The memory as well: its own queue may have been away while this one kept the event.
            if self._registry.remember(device) or ended:
                changed[device.id] = None
        await self._tell(*changed)

    async def _end_alerts(self, device: Device) -> bool:
        if device.in_field:
            newest = await self._registry.is_newest(device)
            await self._drift.in_field(device.id, device.changed_at, newest=newest)
        else:
            await self._drift.out_of_field(device.id, device.changed_at)
        return await self._alerts.end_device(device.id, device.status, device.version)

    async def remember(self, event: Event) -> None:
        """Places the device in memory, and ends what it may not do any more."""
        if event.key == TYPE_KEY:
            return self._types.remember(_type(event))
        device = _device(event)
        if self._registry.remember(device):
            await self._tell(device.id)
        return None

    async def reload(self) -> None:
        """Reads what was missed while the queue was away."""
        await self._types.load()
        await self._tell(*await self._registry.load())

    async def look(self) -> None:
        """Takes in what others stored and this process was not told of, and tells what could not be told, until it is
        cancelled.

        An event that was published before its own queue was there, and stored after it had read, is in neither.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._tell(*await self._registry.load_newest())
            except PyMongoError as error:
                logger.info("devices_not_looked_up", error=str(error))

    async def _tell(self, *device_ids: int) -> None:
        for device_id in device_ids:
            self._sources.device_changed(device_id)
        # Until it was heard: the device is remembered, and so nobody brings this news again.
        self._untold.update(dict.fromkeys(device_ids))
        if untold := list(self._untold):
            await self._listener(untold)
            for device_id in untold:
                self._untold.pop(device_id, None)
