"""Events of others → what this service makes of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from itertools import islice

from pymongo.errors import PyMongoError

from fieldstock.auth.v1 import events_pb2 as auth_events_pb2
from fieldstock.inventory.v1 import events_pb2
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.logs import logger
from telemetry_svc.columns.fleet import Status
from telemetry_svc.device_types import DeviceType, DeviceTypes
from telemetry_svc.fence import LeaseLost
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
# And after how long what the watch could not take in is told again.
RETRY_SECONDS = 1.0
# Devices at once: a fleet that is registered in one go would be more than MongoDB reads in one question.
TOLD_AT_ONCE = 10_000
RULE_KEYS = ["telemetry.rule.changed"]

# Told of devices whose status changed in memory, or whose alerts were resolved. And that rules changed.
DeviceListener = Callable[[Sequence[int]], Awaitable[None]]
RuleListener = Callable[[], Awaitable[None]]
# What the watch raises that passes.
WAITS = (PyMongoError, LeaseLost)


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
    """A durable queue keeps the store as inventory says; a queue of this process's own does so with its memory.

    The watch is told beside them: it may have to read much, or wait for MongoDB, while the next device may not send any
    more. And until it has heard: who is remembered is no news any more, so nobody would tell it again.
    """

    def __init__(
        self,
        registry: Registry,
        types: DeviceTypes,
        alerts: Alerts,
        drift: Drift,
        sources: Sources,
        senders: Senders,
        devices_changed: DeviceListener,
        rules_changed: RuleListener,
    ) -> None:
        self._registry = registry
        self._types = types
        self._drift = drift
        self._alerts = alerts
        self._sources = sources
        self._senders = senders
        self._devices_changed = devices_changed
        self._rules_changed = rules_changed
        self._untold: set[int] = set()
        self._rules_untold = False
        self._something = asyncio.Event()

    def start(self, broker: Broker) -> None:
        """Consumes until the broker is closed."""

        async def on_rule(_event: Event) -> None:
            await self.rules_changed()

        broker.consume(QUEUE, KEYS, self.store)
        broker.subscribe([*DEVICE_KEYS, TYPE_KEY], self.remember, on_connect=self.reload)
        broker.subscribe(RULE_KEYS, on_rule, on_connect=self.rules_changed)

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
        for device in devices:
            ended = device.id in concerned and await self._end_alerts(device)
            # The memory as well: its own queue may have been away while this one kept the event.
            if self._registry.remember(device) or ended:
                self._changed(device.id)

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
            self._changed(device.id)
        return None

    async def reload(self) -> None:
        """Reads what was missed while the queue was away."""
        await self._types.load()
        self._changed(*await self._registry.load())

    async def rules_changed(self) -> None:
        """Has the watch go by the rules as they are now; if it cannot, then as soon as it can."""
        self._rules_untold = True
        try:
            await self._tell_of_rules()
        except WAITS as error:
            logger.info("rules_wait", error=repr(error))
            self._something.set()

    async def look(self) -> None:
        """Takes in what others stored and this process was not told of, until it is cancelled.

        An event that was published before its own queue was there, and stored after it had read, is in neither.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look_now()
            except PyMongoError as error:
                logger.info("devices_not_looked_up", error=str(error))

    async def look_now(self) -> None:
        """Takes in what was stored since the last time."""
        self._changed(*await self._registry.load_newest())

    def _changed(self, *device_ids: int) -> None:
        for device_id in device_ids:
            self._sources.device_changed(device_id)
        if device_ids:
            self._untold.update(device_ids)
            self._something.set()

    async def tell(self) -> None:
        """Tells the watch, until it is cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            try:
                await self._tell_of_devices()
                if self._rules_untold:
                    await self._tell_of_rules()
            except WAITS as error:
                logger.info("watch_not_told", devices=len(self._untold), error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)
                self._something.set()

    async def _tell_of_devices(self) -> None:
        while some := sorted(islice(self._untold, TOLD_AT_ONCE)):
            self._untold.difference_update(some)
            try:
                await self._devices_changed(some)
            except BaseException:
                self._untold.update(some)
                raise

    async def _tell_of_rules(self) -> None:
        # Before: what changes from now on is another change.
        self._rules_untold = False
        try:
            await self._rules_changed()
        except BaseException:
            self._rules_untold = True
            raise
