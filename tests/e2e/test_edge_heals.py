"""Alerts that change while a gateway is killed, or the broker hangs up: a client that comes back has them."""

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import pytest
import socketio

from fieldstock_dev.identity import Identity
from fieldstock_dev.stack import Stack
from servicekit.testing import close_connections, eventually
from tests.e2e.metrics import metric

# For machines with other things to do.
PATIENCE = 60.0
HOT, COOL = 99.0, 20.0
WHERE = {"socketio_path": "/ws/monitoring", "transports": ["websocket"]}


class Board:
    """What a dashboard knows of alerts: a snapshot is all there is; from then on the newest version of each counts."""

    def __init__(self):
        self.socket = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=1)
        self.alerts = {}
        self.seen = set()
        self.snapshots = 0
        self.told_at = datetime.min.replace(tzinfo=UTC)
        self.socket.on("connect", self._follow)
        self.socket.on("snapshot", self._replace)
        self.socket.on("alert", self._merge)

    async def _follow(self):
        await self.socket.emit("subscribe", {"topics": ["alerts"]})

    async def _replace(self, snapshot):
        if "error" in snapshot:
            return
        assert snapshot["total"] == len(snapshot["items"])
        self.alerts = {}
        for alert in snapshot["items"]:
            await self._merge(alert)
        self.snapshots += 1
        self.told_at = datetime.now(UTC)

    async def _merge(self, alert):
        self.seen.add(alert["id"])
        known = self.alerts.get(alert["id"])
        if known is None or alert["version"] >= known["version"]:
            self.alerts[alert["id"]] = alert

    async def begins_anew(self, after):
        """Returns once it has been given a snapshot more than so many."""

        async def one_more():
            return self.snapshots > after

        await eventually(one_more, within=PATIENCE)

    def of(self, rule, state="active"):
        return {a["id"]: a for a in self.alerts.values() if a["rule_id"] == rule and a["state"] == state}


@asynccontextmanager
async def watching(stack, admin, boards=1):
    """So many dashboards, connected through Envoy; each has its first snapshot."""
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    made = [Board() for _ in range(boards)]
    try:
        for board in made:
            await board.socket.connect(stack.base_url, auth={"token": token}, wait_timeout=PATIENCE, **WHERE)
            await board.begins_anew(0)
        yield made
    finally:
        for board in made:
            await board.socket.shutdown()


class Weather:
    """Devices that are too hot and then no longer, over and over: alerts open, are acknowledged, are resolved."""

    def __init__(self, admin, rule):
        self._admin = admin
        self.rule = rule
        self.opened = set()
        self.changes = 0
        self._start = time.time() - 60
        self._over = asyncio.Event()

    async def rage(self, device):
        """Until it is over; the last alert stays open, acknowledged."""
        for number in count():
            await self._measure(device, HOT, number * 2)
            alert = await self._alert(device, "active")
            self.opened.add(alert["id"])
            await self._admin("PUT", f"/monitoring/alerts/{alert['id']}/acknowledge", {"note": f"seen {number}"})
            self.changes += 2
            if self._over.is_set():
                return
            await self._measure(device, COOL, number * 2 + 1)
            await self._alert(device, "resolved", alert["id"])
            self.changes += 1

    async def more(self, changes):
        """Returns after so many changes more."""
        wanted = self.changes + changes

        async def changed():
            return self.changes >= wanted

        await eventually(changed, within=PATIENCE)

    def is_over(self):
        self._over.set()

    async def alerts(self, state, **query):
        query = {"rule_id": self.rule, "state": state, "page_size": 500, **query}
        page = await self._admin("GET", "/monitoring/alerts", params=query)
        assert not page["next_page_token"]
        return {alert["id"]: alert for alert in page["alerts"]}

    async def _measure(self, device, temperature, number):
        # A time of its own for each, or the second would be the first one again, and dropped.
        at = datetime.fromtimestamp(self._start + number / 1000, UTC).isoformat()
        await self._admin(
            "POST", "/monitoring/data", {"device_id": device.id, "time": at, "metrics": {"heat": temperature}}
        )

    async def _alert(self, device, state, id=None):
        async def found():
            alerts = await self.alerts(state, device_id=device.id)
            return alerts.get(id) if id else next(iter(alerts.values()), None)

        return await eventually(found, within=PATIENCE, every=0.02)


@asynccontextmanager
async def weather(admin, make_ready, devices=3):
    """Rages while the block runs, and is over then."""
    ready = [await make_ready() for _ in range(devices)]
    threshold = {"metric": "heat", "direction": "above", "limit": 85, "clear_limit": 80}
    rule = {"name": "Heat", "kind": "threshold", "severity": "critical", "enabled": True, "threshold": threshold}
    storm = Weather(admin, (await admin("POST", "/monitoring/rules", rule))["id"])
    async with asyncio.TaskGroup() as group:
        for device in ready:
            group.create_task(storm.rage(device))
        await storm.more(3 * devices)
        yield storm
        storm.is_over()


async def has_it_all(board, storm):
    """The board comes to show what REST does. What it never saw was over before its newest snapshot."""

    async def the_same():
        return board.of(storm.rule) == await storm.alerts("active")

    await eventually(the_same, within=PATIENCE, every=0.1)
    over = await storm.alerts("resolved")
    assert board.of(storm.rule).keys() | over.keys() == storm.opened
    assert board.of(storm.rule, "resolved").items() <= over.items()
    unseen = storm.opened - board.seen
    assert all(datetime.fromisoformat(over[id]["resolved_at"]) < board.told_at for id in unseen)


async def test_no_alert_is_lost_to_who_watched_a_gateway_that_was_killed(stack, admin, make_ready):
    async with watching(stack, admin) as (board,):
        async with weather(admin, make_ready) as storm:
            before = board.snapshots
            await asyncio.to_thread(stack.signal, "gateway", signal.SIGKILL)
            await storm.more(3)
            await board.begins_anew(before)
            await storm.more(9)
        await has_it_all(board, storm)


async def hangs_up(stack):
    """The broker closes every connection. The gateway's by its name: it may be so new that it is not among all yet."""
    await close_connections(stack.amqp_url, "gateway")
    await close_connections(stack.amqp_url)


async def is_killed(stack):
    """kill -9 of the broker, which comes back as a supervisor brings it back."""
    await asyncio.to_thread(stack.signal, "rabbitmq", signal.SIGKILL)
    await asyncio.to_thread(stack.wait_healthy, "rabbitmq")


@pytest.mark.parametrize("harm", [hangs_up, is_killed])
async def test_no_alert_is_lost_when_the_broker(harm, stack, admin, make_ready):
    async with watching(stack, admin) as (board,):
        async with weather(admin, make_ready) as storm:
            before = board.snapshots
            await harm(stack)
            await board.begins_anew(before)
            await storm.more(9)
        await has_it_all(board, storm)
        assert board.socket.connected


@pytest.fixture
def wider(stack):
    """The same stack with two gateways, until the test is over."""
    wide = Stack(stack.home.path, settings=stack.layout.settings.model_copy(update={"gateways": 2}), small=True)
    wide.up()
    yield wide
    stack.up()


async def clients_of(stack, gateway):
    return await metric(stack, gateway, "fieldstock_edge_clients")


async def test_of_two_gateways_one_is_killed_and_its_clients_come_to_the_other(wider, admin, make_ready):
    async with watching(wider, admin, boards=6) as boards:
        spread = [await clients_of(wider, gateway) for gateway in ("gateway", "gateway-2")]
        assert sum(spread) == 6
        assert all(spread)
        async with weather(admin, make_ready) as storm:
            noted = wider.home.identity("gateway")
            killed = Identity.read(noted)
            await asyncio.to_thread(wider.signal, "gateway", signal.SIGKILL)

            async def begun_anew():
                return Identity.read(noted) != killed

            # Not to be back before its clients have looked for it. One that was not told to begin yet is deaf to that.
            await eventually(begun_anew, within=PATIENCE)
            await asyncio.to_thread(wider.stop, "gateway")

            async def all_at_the_other():
                return await clients_of(wider, "gateway-2") == 6

            await eventually(all_at_the_other, within=PATIENCE, every=0.1)
            await storm.more(9)
        for board in boards:
            await has_it_all(board, storm)
