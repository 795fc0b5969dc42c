"""The fleet in numbers, followed."""

import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from fieldstock.inventory.v1 import device_pb2
from fieldstock.inventory.v1 import events_pb2 as inventory_events
from gateway.fanout import Fanout
from gateway.mailbox import Letter
from gateway.numbers import Numbers
from gateway.settings import Limits
from gateway.testing import Watcher
from gateway.topics import Subscriptions
from servicekit.access import Kind, Role
from servicekit.event import Event
from servicekit.testing import eventually


def as_rest(message: Any) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


async def test_the_snapshot_is_what_rest_shows_the_subscriber(watcher_of: Any, issuer: Any, telemetry: Any):
    telemetry.stats.devices.online = 3
    telemetry.stats.alerts.critical = 1
    telemetry.stats.metrics["temperature"].count = 2**40
    telemetry.stats.end_time.FromMilliseconds(1_700_000_000_250)
    token = issuer.token(Kind.SERVICE)
    service = watcher_of()
    await service.connect({"token": token})
    before = int(time.time() * 1000)
    (snapshot,) = await service.subscribe("stats")
    assert (snapshot["topic"], snapshot["total"]) == ("stats", 1)
    assert snapshot["version"] >= before
    assert snapshot["items"] == [as_rest(telemetry.stats)]
    assert snapshot["items"][0]["metrics"]["temperature"]["count"] == str(2**40)
    assert telemetry.counted_for == [token]


async def test_a_change_brings_new_numbers_that_are_newer_than_the_snapshot(
    watcher: Watcher, telemetry: Any, publisher: Any
):
    (snapshot,) = await watcher.subscribe("stats")
    telemetry.stats.alerts.warning = 2
    await publisher.alert()
    told = await watcher.next("stats")
    assert told.pop("version") > snapshot["version"]
    assert told == as_rest(telemetry.stats)


async def test_alerts_presence_devices_and_readings_all_stir_the_numbers(
    watcher: Watcher, telemetry: Any, publisher: Any
):
    await watcher.subscribe("stats")
    changed = inventory_events.DeviceChanged(device=device_pb2.Device(id=7, version=2))
    for count, happen in enumerate(
        (
            lambda: publisher.alert(),
            lambda: publisher.presence(7, online=True, version=1),
            lambda: publisher.broker.publish(Event.of("inventory.device.deployed", changed)),
            lambda: publisher.readings(device_id=[7], time_ms=[1], temperature=[21.5]),
        ),
        start=1,
    ):
        telemetry.stats.devices.online = count
        await happen()
        assert (await watcher.next("stats"))["devices"]["online"] == count


async def test_all_who_follow_share_one_question_asked_with_the_token_that_lasts_longest(
    watcher_of: Any, issuer: Any, telemetry: Any, publisher: Any
):
    tokens = [issuer.token(id=number, role=role, ttl=100 * number) for number, role in enumerate(Role, start=1)]
    watchers = [watcher_of() for _ in tokens]
    for watcher, token in zip(watchers, tokens, strict=True):
        await watcher.connect({"token": token})
        await watcher.subscribe("stats")
    telemetry.counted_for.clear()
    await publisher.alert()
    told = [await watcher.next("stats") for watcher in watchers]
    assert told == told[:1] * len(watchers)
    assert telemetry.counted_for == tokens[-1:]


async def test_while_telemetry_is_away_the_numbers_are_asked_for_again(
    watcher: Watcher, services: Any, publisher: Any, telemetry: Any
):
    await watcher.subscribe("stats")
    await services.stop()
    await publisher.alert()
    telemetry.stats.alerts.info = 1
    await services.start()
    assert (await watcher.next("stats"))["alerts"]["info"] == 1


class Unasked:
    """Sources that count how often they are asked."""

    def __init__(self) -> None:
        self.times = 0

    async def stats(self, token: str) -> dict[str, Any]:
        self.times += 1
        return {}


async def test_while_nobody_follows_nobody_is_asked(limits: Limits):
    sources: Any = Unasked()
    subscriptions = Subscriptions()
    async with Numbers(sources, subscriptions, Fanout(subscriptions), limits) as numbers:
        numbers.stir()

        async def seen() -> bool:
            return not numbers._stirred.is_set()

        await eventually(seen)
    assert sources.times == 0


class Choosy:
    """Sources that take one token, and say which were shown."""

    def __init__(self, good: str) -> None:
        self._good = good
        self.shown: list[str] = []

    async def stats(self, token: str) -> dict[str, Any]:
        self.shown.append(token)
        if token != self._good:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAUTHENTICATED, grpc.aio.Metadata(), grpc.aio.Metadata())
        return {"devices": {}}


class Follower:
    """A session, as far as the numbers know it."""

    def __init__(self, token: str, expires_at: float) -> None:
        self.caller = SimpleNamespace(token=token, expires_at=expires_at)
        self.mailbox = self
        self.told: list[bytes] = []

    def put_all(self, letter: Letter) -> None:
        self.told.append(letter.whole)


async def test_where_one_token_is_refused_another_followers_is_shown(limits: Limits):
    subscriptions = Subscriptions()
    followers: list[Any] = [Follower("revoked", 900), Follower("good", 800), Follower("spare", 700)]
    for follower in followers:
        subscriptions.take(follower, "stats")
    sources: Any = Choosy("good")
    async with Numbers(sources, subscriptions, Fanout(subscriptions), limits) as numbers:
        numbers.stir()

        async def told() -> bool:
            return all(follower.told for follower in followers)

        await eventually(told)
    assert sources.shown == ["revoked", "good"]


class TestAtMostSoOften:
    """Half a second between two answers."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(seconds_between_stats=0.5, seconds_until_stats=0.01)

    async def test_many_changes_are_told_together(self, watcher: Watcher, telemetry: Any, publisher: Any):
        await watcher.subscribe("stats")
        for version in range(1, 30):
            telemetry.stats.alerts.info = version
            await publisher.alert(version=version)
        told = [await watcher.next("stats")]
        while told[-1]["alerts"]["info"] < 29:
            told.append(await watcher.next("stats"))
        assert len(told) < 29
        assert all(later["version"] - earlier["version"] >= 490 for earlier, later in pairwise(told))
