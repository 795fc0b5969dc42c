"""An owner died; the next one begins with what was saved, and with what is in the journal."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from pymongo.errors import AutoReconnect

from servicekit.testing import Issuer, eventually
from telemetry_svc.clock import moment, system
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import PARTITIONS, Frame
from telemetry_svc.fence import Fence, LeaseLost
from telemetry_svc.ingest.journal import Entry, Journal
from telemetry_svc.registry import Device, Registry
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store
from telemetry_svc.watch.alerts import Alerts
from telemetry_svc.watch.resuming import Resuming
from telemetry_svc.watch.rulebook import Rulebook
from telemetry_svc.watch.watcher import Watcher

Make = Callable[..., Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Folds whatever there is, at once."""
    return settings.model_copy(update={"fold_rows": 1})


def rows(times: list[int], temperatures: list[float], device: int = 7) -> Frame:
    devices = np.full(len(times), device, np.int32)
    return Frame(devices, np.array(times), {"temperature": np.array(temperatures, float)}, received_ms=system())


async def ruled(admin: Any, inventory: Any, batch: Make, time_ms: int, temperature: float) -> Any:
    """Gives a rule, of at most 85; device 7 measured that at that time."""
    await inventory.deploy(7)
    rule = await admin.add_rule()
    await admin.send(batch(1, [time_ms], device=7, temperature=[temperature]))
    return rule


async def test_an_alert_that_was_open_when_it_was_saved_is_not_opened_again_when_it_was_over_since(
    start: Any, client: Make, inventory: Any, issuer: Issuer, batch: Make, store: Store
) -> None:
    first = system() - 60_000
    async with start() as channel:
        admin = client(channel, issuer.metadata())
        rule = await ruled(admin, inventory, batch, first, 90)

        async def saved() -> Any:
            return await store.states.find_one({"_id": 7, "open.since_ms": first.to_bytes(8, "little")})

        block = await eventually(saved)
        await admin.send(batch(1, [first + 1, first + 2], device=7, temperature=[91, 20]))
        (over,) = await eventually(lambda: admin.alerts(state="resolved", rule_id=rule.id))

    # As if it had died before it saved and folded what came last.
    await store.states.replace_one({"_id": 7}, {**block, "epoch": 1})
    await Journal(store.journal, patience_seconds=5).append(1, [rows([first + 1, first + 2], [91, 20])])
    async with start() as channel:
        admin = client(channel, issuer.metadata())

        async def folded() -> bool:
            return await store.journal.count_documents({}) == 0

        await eventually(folded, within=20)
        assert await admin.alerts(state="all", rule_id=rule.id) == [over]


async def test_what_was_recovered_as_the_lease_ended_is_watched_once_it_is_renewed(
    start: Any, client: Make, inventory: Any, issuer: Issuer, batch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume, lates = Resuming.what_is_open, 0

    async def late(self: Resuming, which: Any, partitions: Any, fence: Fence, **how: Any) -> None:
        nonlocal lates
        await resume(self, which, partitions, fence, **how)
        if not lates:
            fence.until = 0.0
        lates += 1

    monkeypatch.setattr(Resuming, "what_is_open", late)
    async with start() as channel:
        admin = client(channel, issuer.metadata())
        rule = await ruled(admin, inventory, batch, system(), 90)
        assert await eventually(lambda: admin.alerts(state="active", rule_id=rule.id), within=20)
    assert lates


@pytest.fixture
def watchers(monkeypatch: pytest.MonkeyPatch) -> list[Watcher]:
    """Those that began."""
    found: list[Watcher] = []
    begin = Watcher.begin

    async def begun(self: Watcher, fence: Fence) -> None:
        await begin(self, fence)
        found.append(self)

    monkeypatch.setattr(Watcher, "begin", begun)
    return found


async def test_what_is_open_ends_though_mongodb_was_away_as_its_device_was_begun_anew(
    start: Any, client: Make, inventory: Any, issuer: Issuer, batch: Make, monkeypatch: Any, watchers: list[Watcher]
) -> None:
    first = system() - 60_000
    async with start() as channel:
        admin = client(channel, issuer.metadata())
        rule = await ruled(admin, inventory, batch, first, 90)
        assert await eventually(lambda: admin.alerts(state="active", rule_id=rule.id))
        with monkeypatch.context() as away:
            away.setattr(Alerts, "open_ones", _away)
            with pytest.raises(AutoReconnect):
                await watchers[-1].devices_changed([7])
        await admin.send(batch(1, [first + 1], device=7, temperature=[20]))
        assert await eventually(lambda: admin.alerts(state="resolved", rule_id=rule.id))


async def test_a_device_is_begun_anew_though_mongodb_was_away_when_its_status_changed(
    start: Any, client: Make, inventory: Any, issuer: Issuer, batch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry_svc.consumers.LOOK_SECONDS", 0.2)
    open_ones, asked = Alerts.open_ones, 0

    def away_once(self: Alerts, which: Any) -> AsyncIterator[Any]:
        nonlocal asked
        asked += which == {"device_id": {"$in": [8]}}
        return _away() if asked == 1 else open_ones(self, which)

    async def asked_again() -> bool:
        return asked > 1

    async with start() as channel:
        admin = client(channel, issuer.metadata())
        await inventory.deploy(7)
        await admin.send(batch(1, [system()], device=7, temperature=[20]))
        monkeypatch.setattr(Alerts, "open_ones", away_once)
        await inventory.deploy(8)
        await eventually(asked_again)


async def test_what_was_seen_of_the_journal_before_mongodb_went_away_opens_its_alert(
    watchers: list[Watcher], inventory: Any, admin: Any, batch: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    but, first = Journal.but, system() - 60_000

    async def for_a_while(self: Journal, *of: Any) -> AsyncIterator[Entry]:
        async for one in but(self, *of):
            yield one
        raise AutoReconnect

    rule = await ruled(admin, inventory, batch, first, 20)
    (watcher,) = watchers
    async with watcher.turn:
        await Journal(store.journal, patience_seconds=5).append(1, [rows([first + 1], [90])])
        monkeypatch.setattr(watcher, "watched", np.arange(PARTITIONS) == 7)
        with monkeypatch.context() as away:
            away.setattr(Journal, "but", for_a_while)
            with pytest.raises(AutoReconnect):
                await watcher.catch_up()
    assert await eventually(lambda: admin.alerts(state="active", rule_id=rule.id))


async def test_a_fold_that_could_not_store_what_it_saw_has_everything_begun_anew(
    watchers: list[Watcher], inventory: Any, admin: Any, batch: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, first, lost = Alerts.apply, system() - 60_000, False

    async def lost_once(self: Alerts, *of: Any) -> None:
        nonlocal lost
        if not lost:
            lost = True
            raise LeaseLost
        await apply(self, *of)

    rule = await ruled(admin, inventory, batch, first, 20)
    (watcher,) = watchers
    async with watcher.turn:
        # Nobody but the fold sees it, and the fold has another one to begin for.
        await Journal(store.journal, patience_seconds=5).append(1, [rows([first + 2], [90])])
        monkeypatch.setattr(Alerts, "apply", lost_once)
    await admin.send(batch(1, [first + 1], device=7, temperature=[20]))
    assert await eventually(lambda: admin.alerts(state="active", rule_id=rule.id), within=20)
    assert lost


async def test_a_device_that_its_owner_has_not_heard_of_yet_is_looked_for_when_it_has_sent(
    start: Any,
    client: Make,
    inventory: Any,
    issuer: Issuer,
    batch: Make,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    watchers: list[Watcher],
) -> None:
    monkeypatch.setattr("telemetry_svc.consumers.LOOK_SECONDS", 3_600)
    async with start() as channel:
        admin = client(channel, issuer.metadata())
        await inventory.deploy(7)
        rule = await admin.add_rule()
        # Stored by another process; this one heard nothing.
        stranger = Device(100_007, "Stranger", "sensor", Status.DEPLOYED, 1, moment(system()))
        await Registry(store.devices, Fleet()).store([stranger])
        async with watchers[-1].turn:
            for device in (200_007, 100_007):
                await Journal(store.journal, patience_seconds=5).append(device, [rows([system()], [90], device)])
            await watchers[-1].catch_up()
        (alert,) = await eventually(lambda: admin.alerts(state="active", rule_id=rule.id), within=20)
        assert alert.device_id == 100_007

        async def folded() -> bool:
            return await store.journal.count_documents({}) == 0

        await eventually(folded, within=20)


async def test_the_rules_are_as_they_are_now_though_mongodb_was_away_when_one_changed(
    inventory: Any, admin: Any, batch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything, asked = Rulebook.all, 0

    async def away_once(self: Rulebook) -> Any:
        nonlocal asked
        asked += 1
        if asked <= 4:  # for its own process, and for its events
            raise AutoReconnect
        return await everything(self)

    await inventory.deploy(7)
    await admin.send(batch(1, [system()], device=7, temperature=[20]))
    monkeypatch.setattr(Rulebook, "all", away_once)
    rule = await admin.add_rule()

    async def judged() -> Any:
        await admin.send(batch(1, [system()], device=7, temperature=[90]))
        return await admin.alerts(state="active", rule_id=rule.id)

    assert await eventually(judged, within=20)


async def _away(*_: Any) -> AsyncIterator[Any]:
    raise AutoReconnect
    yield
