"""Two replicas of telemetry that share the fleet, with what they stand on, and the roads to them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Container, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import grpc
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from fieldstock.auth.v1 import (
    device_token_service_pb2,
    service_account_service_pb2,
    session_service_pb2,
)
from fieldstock.inventory.v1 import device_service_pb2, device_type_service_pb2
from fieldstock.telemetry.v1 import (
    alert_service_pb2,
    device_health_service_pb2,
    ingest_service_pb2,
    reading_service_pb2,
    rule_pb2,
    rule_service_pb2,
    stats_service_pb2,
)
from fieldstock_dev.ports import Ports
from fieldstock_dev.stack import Stack
from servicekit.channels import connect
from servicekit.testing import Client, eventually
from telemetry_svc.store import Store
from tests.faults.door import Door, Metadata, bearer
from tests.faults.heard import Heard
from tests.faults.link import HOST, Link
from tests.faults.measured import CLEAR, LIMIT
from tests.faults.replica import Replica

NAMES = ("telemetry-1", "telemetry-2")
# A rule's name, and how many seconds it waits.
RULES = {"hot": 0, "hot for a second": 1}
# Devices of this type may be silent for a moment only, once they had time to be switched on; all others for a day.
BEACON, SILENCE_SECONDS = "beacon", 4
# Folds run all the time, streams are short: whatever happens, it happens in the middle of something.
SETTINGS = {
    "FIELDSTOCK_FOLD_ROWS": "20",
    "FIELDSTOCK_FOLD_SECONDS": "1",
    "FIELDSTOCK_ROTATE_AFTER_SECONDS": "1",
    "FIELDSTOCK_SILENCE_SECONDS": "86400",
    "FIELDSTOCK_GRACE_SECONDS": "20",
}
# Who owns a half for that long keeps it.
STAYS_SECONDS = 1.5
# The second is of a machine that has much else to do.
ANSWER_SECONDS, PATIENCE_SECONDS = 10.0, 120.0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device in the field, and its token."""

    id: int
    metadata: Metadata


class Auth(Client):
    protos = (device_token_service_pb2, service_account_service_pb2, session_service_pb2)


class Inventory(Client):
    protos = (device_service_pb2, device_type_service_pb2)


class House:
    """`replicas` behind `links`, `doors` to them; the second one has a link to MongoDB too, `store_link`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        ports = Ports(stack.home.path / "faults.json")
        ports.settle(["mongodb link", *(f"{what} {name}" for name in NAMES for what in ("process", "link"))])
        mongodb = urlsplit(stack.mongodb_uri)
        self.store_link = Link(ports["mongodb link"], mongodb.port or 0)
        # A client that knows the replica set would look for its member where that says it is: past the link.
        through_link = mongodb._replace(netloc=self.store_link.target, query="directConnection=true")
        self.replicas = [
            Replica(name, self._variables(uri), ports[f"process {name}"], stack.log(name))
            for name, uri in zip(NAMES, (stack.mongodb_uri, urlunsplit(through_link)), strict=True)
        ]
        self.links = [Link(ports[f"link {replica.name}"], replica.port) for replica in self.replicas]
        self.doors: list[Door] = []
        self.heard = Heard(stack.amqp_url)
        self.rules: dict[str, str] = {}
        self.admin: Metadata = bearer("")

    def _variables(self, mongodb_uri: str) -> dict[str, str]:
        return {
            "FIELDSTOCK_AMQP_URL": self.stack.amqp_url,
            "FIELDSTOCK_MONGODB_URI": mongodb_uri,
            "FIELDSTOCK_AUTH_TARGET": self.stack.target("auth"),
            **SETTINGS,
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        """All of it, until the block ends."""
        async with AsyncExitStack() as opened:
            variables = {**self._variables(self.stack.mongodb_uri), "FIELDSTOCK_LISTEN": f"{HOST}:0"}
            migrating = (sys.executable, "-m", "telemetry_svc", "migrate")
            migrated = await asyncio.create_subprocess_exec(*migrating, env=variables)
            assert await migrated.wait() == 0
            self._store = await opened.enter_async_context(AsyncMongoClient(self.stack.mongodb_uri))
            self.store = Store(self._store.get_default_database())
            for link in (self.store_link, *self.links):
                await opened.enter_async_context(link.open())
            for replica in self.replicas:
                # Not while the loop waits: the replica needs its link until it has ended.
                opened.push_async_callback(asyncio.to_thread, replica.end)
                replica.start()
            auth = await opened.enter_async_context(connect(self.stack.target("auth")))
            inventory = await opened.enter_async_context(connect(self.stack.target("inventory")))
            self._anyone, self._accounts, self._inventory = Auth(auth, ()), Auth(auth, ()), Inventory(inventory, ())
            await opened.enter_async_context(self.heard.listening())
            for link in self.links:
                self.doors.append(Door.of(await opened.enter_async_context(connect(link.target))))
            await self.sign_in()
            await self.settled()
            await self._make_rules()
            await self._register("Warehouse", BEACON)  # a type is there once there was a device of it
            await self._inventory.UpdateDeviceType(type=BEACON, silence_seconds=SILENCE_SECONDS)
            yield self

    async def sign_in(self) -> None:
        """Gets another token, which lasts for a round."""
        given = {"username": self.stack.admin_username, "password": self.stack.admin_password}
        self.admin = bearer((await self._anyone.Login(**given)).access_token)
        self._accounts.metadata = self._inventory.metadata = self.admin

    async def gateway(self) -> Metadata:
        """Makes a service account for a site gateway, and signs in with it."""
        name = f"Gateway {uuid4().hex[:12]}"
        made = await self._accounts.CreateServiceAccount(name=name, kind="ingest")
        return bearer((await self._anyone.IssueServiceToken(name=name, secret=made.secret)).access_token)

    async def enrol(self, location: str, own: int, others: int, type: str = "sensor") -> list[Enrolled]:
        """Registers and deploys devices; the first `own` of them get tokens. Returns once every replica knows them."""
        made = await asyncio.gather(*(self._register(location, type) for _ in range(own + others)))
        made = sorted(made, key=lambda one: one.device.id)
        ids = [one.device.id for one in made]
        done = await self._inventory.ActOnDevices(action="deploy", ids=ids, location=location)
        assert done.succeeded == len(ids)

        async def known(door: Door) -> bool:
            asked = device_health_service_pb2.ListDeviceHealthRequest(
                page_size=500, location=location, status="deployed"
            )
            try:
                answer = await door.health.ListDeviceHealth(asked, metadata=self.admin, timeout=ANSWER_SECONDS)
            except grpc.aio.AioRpcError:
                return False
            return sorted(one.device_id for one in answer.devices) == ids

        for door in self.doors:
            await eventually(lambda door=door: known(door), within=PATIENCE_SECONDS, every=0.1)
        tokens = await asyncio.gather(*(self._token(one.credential) for one in made[:own]))
        return [Enrolled(one, token) for one, token in zip(ids, [*tokens, *[self.admin] * others], strict=True)]

    async def _register(self, location: str, type: str) -> Any:
        serial = f"SN-{uuid4().hex[:12]}"
        name = f"{type.title()} {serial}"
        return await self._inventory.RegisterDevice(name=name, type=type, serial_number=serial, location=location)

    async def _token(self, credential: Any) -> Metadata:
        given = {"serial_number": credential.serial_number, "secret": credential.secret}

        async def granted() -> str:
            try:
                return (await self._anyone.IssueDeviceToken(**given)).access_token
            except grpc.aio.AioRpcError:
                return ""  # auth has not heard of the deployment yet

        return bearer(await eventually(granted, within=PATIENCE_SECONDS, every=0.1))

    async def _make_rules(self) -> None:
        for name, seconds in RULES.items():
            threshold = rule_pb2.Threshold(
                metric="temperature", direction="above", limit=LIMIT, clear_limit=CLEAR, for_seconds=seconds
            )
            rule = rule_pb2.Rule(name=name, kind="threshold", severity="warning", enabled=True, threshold=threshold)
            made = await self.doors[0].rules.CreateRule(
                rule_service_pb2.CreateRuleRequest(rule=rule), metadata=self.admin, timeout=ANSWER_SECONDS
            )
            self.rules[name] = made.id

    # --- what it is like inside

    async def owners(self) -> dict[str, int]:
        """How many partitions each owner has, by MongoDB's clock; none while MongoDB does not say."""
        held = {"$expr": {"$gt": ["$expires_at", "$$NOW"]}, "owner": {"$ne": ""}}
        counting = [{"$match": held}, {"$group": {"_id": "$owner", "partitions": {"$sum": 1}}}]
        try:
            found = await self.store.leases.aggregate(counting)
            return {one["_id"]: one["partitions"] async for one in found}
        except PyMongoError:
            return {}

    async def settled(self, after: Container[str] = ()) -> None:
        """Returns once both replicas answer and each owns a half, at least one of them as another than before."""

        async def halves() -> bool:
            owners = await self.owners()
            if list(owners.values()) != [32, 32] or all(owner in after for owner in owners):
                return False
            # To a MongoDB that was paused it is still the moment of before, at first.
            await asyncio.sleep(STAYS_SECONDS)
            if await self.owners() != owners:
                return False
            try:
                asked = rule_service_pb2.ListRulesRequest()
                for door in self.doors:
                    await door.rules.ListRules(asked, metadata=self.admin, timeout=ANSWER_SECONDS)
            except grpc.aio.AioRpcError:
                return False
            return True

        await eventually(halves, within=PATIENCE_SECONDS, every=0.1)

    async def folding(self) -> None:
        """Returns when a fold was begun a moment ago."""
        writes = await self._fenced_writes()

        async def more() -> bool:
            return await self._fenced_writes() > writes

        await eventually(more, within=20)

    async def _fenced_writes(self) -> int:
        fences = await self.store.fences.find({}, ["writes"]).to_list()
        return sum(one.get("writes", 0) for one in fences)

    async def folded(self, device_ids: Sequence[int]) -> int:
        """How many segments there are of these devices."""
        return await self.store.segments.count_documents({"_id.device": {"$in": list(device_ids)}})

    # --- what anybody may say and ask

    async def speak(self, device_id: int, metadata: Metadata) -> None:
        """Sends a reading of a device, once."""
        request = ingest_service_pb2.CreateReadingRequest(device_id=device_id, metrics={"temperature": 20})
        await self.doors[0].ingest.CreateReading(request, metadata=metadata, timeout=ANSWER_SECONDS)

    async def reached(self) -> None:
        """Returns when all doors are: a channel whose link was cut refuses at once for a while after that is back."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for door in self.doors:
                await door.channel.channel_ready()

    async def page(self, door: Door, device_id: int, **fields: Any) -> Any:
        request = reading_service_pb2.ListDeviceReadingsRequest(device_id=device_id, **fields)
        return await door.readings.ListDeviceReadings(request, metadata=self.admin, timeout=ANSWER_SECONDS)

    async def numbers(self, door: Door, location: str) -> dict[str, Any]:
        """What was measured there, by metric."""
        request = stats_service_pb2.GetStatsRequest(window=86_400, location=location)
        return dict((await door.stats.GetStats(request, metadata=self.admin, timeout=ANSWER_SECONDS)).metrics)

    async def alerts(self, door: Door, **fields: Any) -> list[Any]:
        """All alerts that fit, open or over."""
        found, token = [], ""
        while True:
            request = alert_service_pb2.ListAlertsRequest(state="all", page_size=500, page_token=token, **fields)
            page = await door.alerts.ListAlerts(request, metadata=self.admin, timeout=ANSWER_SECONDS)
            found += page.alerts
            token = page.next_page_token
            if not token:
                return found
