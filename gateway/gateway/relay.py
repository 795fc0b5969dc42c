"""Events of the services, handed on to the clients that follow them."""

from fieldstock.inventory.v1 import events_pb2 as inventory_events
from fieldstock.telemetry.v1 import events_pb2 as telemetry_events
from gateway.fanout import Fanout
from gateway.frames import as_rest, frame
from gateway.numbers import Numbers
from gateway.readings import Pace, Reading, readings_of
from gateway.snapshots import Snapshots
from gateway.topics import ALERTS, DEVICES, PRESENCE, Subscriptions, device_topic
from servicekit.broker import LIVE, Broker
from servicekit.event import Event

# One by one, for `inventory.device.*` would bring credentials along, which are nobody's business here.
DEVICE_CHANGES = [
    f"inventory.device.{change}"
    for change in (
        "registered",
        "updated",
        "reserved",
        "released",
        "deployed",
        "recalled",
        "repaired",
        "maintenance",
        "relocated",
        "retired",
    )
]
KEYS = ["telemetry.alert.*", "telemetry.presence.*", *DEVICE_CHANGES]

# Batches of readings that may wait while the edge is busy; older ones are of no interest.
LIVE_BATCHES = 16


class Relay:
    """What comes from the broker, on its way to the mailboxes."""

    def __init__(
        self,
        broker: Broker,
        subscriptions: Subscriptions,
        fanout: Fanout,
        snapshots: Snapshots,
        numbers: Numbers,
        seconds_between_readings: float,
    ) -> None:
        self._broker = broker
        self._subscriptions = subscriptions
        self._fanout = fanout
        self._snapshots = snapshots
        self._numbers = numbers
        self._pace = Pace(seconds_between_readings, self._send_reading)
        self._collecting: set[str] = set()

    def start(self) -> None:
        """Relays until the broker is closed."""
        self._broker.subscribe(KEYS, self._relay, self._on_events)
        self._broker.subscribe(["readings"], self._relay_readings, self._on_live, exchange=LIVE, limit=LIVE_BATCHES)

    @property
    def serving(self) -> bool:
        """Whether what happens now will be seen."""
        return self._broker.connected and len(self._collecting) == 2

    async def _on_events(self) -> None:
        self._collecting.add("events")
        # Whatever happened while the broker was away was told to a queue that is gone.
        self._snapshots.refresh(self._subscriptions)

    async def _on_live(self) -> None:
        self._collecting.add("live")

    async def _relay(self, event: Event) -> None:
        if event.key.startswith("telemetry.alert."):
            self._alert(telemetry_events.AlertChanged.FromString(event.body))
        elif event.key.startswith("telemetry.presence."):
            self._presence(telemetry_events.PresenceChanged.FromString(event.body))
        else:
            self._device(inventory_events.DeviceChanged.FromString(event.body))
        self._numbers.stir()

    def _alert(self, changed: telemetry_events.AlertChanged) -> None:
        topics = (ALERTS, device_topic(changed.alert.device_id))
        if self._subscriptions.followed(topics):
            self._fanout.send(topics, frame("alert", as_rest(changed.alert)))

    def _presence(self, changed: telemetry_events.PresenceChanged) -> None:
        topics = (PRESENCE, device_topic(changed.device_id))
        if self._subscriptions.followed(topics):
            # Only how it is counts, not how often it changed while the client was not reading.
            self._fanout.send(topics, frame("presence", as_rest(changed)), ("presence", changed.device_id))

    def _device(self, changed: inventory_events.DeviceChanged) -> None:
        topics = (DEVICES, device_topic(changed.device.id))
        if self._subscriptions.followed(topics):
            self._fanout.send(topics, frame("device", {**as_rest(changed.device), "log": as_rest(changed.log)}))

    async def _relay_readings(self, event: Event) -> None:
        self._numbers.stir()
        if self._subscriptions.devices:
            batch = telemetry_events.LatestReadings.FromString(event.body)
            for reading in readings_of(self._subscriptions.devices, batch):
                self._pace.take(reading)

    def _send_reading(self, reading: Reading) -> None:
        if reading.device_id in self._subscriptions.devices:
            self._fanout.send_reading(reading.device_id, reading.frame())
