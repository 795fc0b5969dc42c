"""The one that watches: follows the journal, steps the rules, judges presence, keeps the state."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pymongo.errors import PyMongoError

from servicekit.logs import logger
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import PARTITIONS, Frame
from telemetry_svc.ingest.groups import Groups
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.observability import OWNER, ROWS_WATCHED
from telemetry_svc.tasks import together
from telemetry_svc.watch.alerts import Alerts, Because
from telemetry_svc.watch.announcer import Announcer
from telemetry_svc.watch.drift import Drift
from telemetry_svc.watch.handover import Handover
from telemetry_svc.watch.judge import Change, Judge
from telemetry_svc.watch.lease import Lease, LeaseLost
from telemetry_svc.watch.presence import Patience, judge
from telemetry_svc.watch.rulebook import Rulebook
from telemetry_svc.watch.rules import Excursion
from telemetry_svc.watch.state import State
from telemetry_svc.watch.telling import Teller

SWEEP_SECONDS, SAVE_SECONDS, RETRY_SECONDS = 1.0, 10.0, 1.0
# A group may be stored that long after the time that its entries carry.
OVERLAP_MS = 30_000


class Owner:
    """Watches the fleet while it holds the lease.

    Everything it knows is made from what is stored, so whatever goes wrong, it begins again from there; and what it
    does twice changes nothing. One thing at a time: `_turn` is held from a change in memory until that is stored.
    """

    def __init__(
        self,
        *,
        lease: Lease,
        fleet: Fleet,
        journal: Journal,
        handover: Handover,
        state: State,
        rulebook: Rulebook,
        alerts: Alerts,
        drift: Drift,
        teller: Teller,
        announcer: Announcer,
        patience: Patience,
        clock: Clock,
    ) -> None:
        self._lease = lease
        self._fleet = fleet
        self._journal = journal
        self._handover = handover
        self._state = state
        self._rulebook = rulebook
        self._alerts = alerts
        self._drift = drift
        self._teller = teller
        self._announcer = announcer
        self._patience = patience
        self._clock = clock
        self._judge = Judge(fleet, patience)
        self._turn = asyncio.Lock()
        self._position_ms = 0
        self.watching = False

    async def run(self, groups: Groups) -> None:
        """Watches until it is cancelled. `groups`: whose health says whether silence means anything."""
        while True:
            try:
                async with self._lease.held() as epoch:
                    logger.info("watch_begins", epoch=epoch)
                    await self._watch(groups)
            except LeaseLost:
                logger.warning("lease_lost")
            except Exception:  # noqa: BLE001 - whatever it was: from the stored facts again
                logger.exception("watch_interrupted")
            finally:
                self.watching = False
                OWNER.set(0)
                await self._handover.shut()
            await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self, groups: Groups) -> None:
        await self._recover()
        await together(
            self._follow(),
            self._sweep_now_and_then(groups),
            self._save_now_and_then(),
            self._expire_now_and_then(),
            self._teller.run(),
            self._announcer.run(),
        )

    async def _recover(self) -> None:
        async with self._turn:
            self._fleet.forget()
            self._judge = Judge(self._fleet, self._patience)
            self._judge.use(await self._rulebook.all())
            self._position_ms = position_ms = await self._state.restore(self._fleet, self._judge)
            await self._resume_alerts({})
            began_ms = self._clock()
            await self._replay(position_ms)
            await self._handover.open()
            await self._replay(began_ms - OVERLAP_MS)
            self.watching = True
            OWNER.set(1)

    async def _resume_alerts(self, which: Mapping[str, Any]) -> None:
        rules = {rule.id: rule for rule in await self._rulebook.all()}
        async for alert in self._alerts.open_ones(which):
            excursion = Excursion(alert.opened_ms, opened=True)
            status = self._fleet.status_of(alert.device_id)
            if status is not Status.DEPLOYED:
                version = int(self._fleet.version[alert.device_id]) if status else 0
                await self._alerts.end_device(alert.device_id, status, version)
            elif not self._judge.resume(alert.rule_id, alert.rule_version, alert.device_id, excursion):
                rule = rules.get(alert.rule_id)
                because = Because.RULE_CHANGED if rule else Because.RULE_DELETED
                await self._alerts.end_rule(alert.rule_id, through_version=alert.rule_version, because=because)

    async def _replay(self, received_ms: int) -> None:
        async for entry in self._journal.since(received_ms):
            await self._see(entry.frames)

    async def _follow(self) -> None:
        while True:
            frames = await self._handover.get()
            async with self._turn:
                await self._see(frames)

    async def _see(self, frames: Sequence[Frame]) -> None:
        self._lease.check()
        changes: list[Change] = []
        for frame in frames:
            known = self._fleet.statuses(frame.device) != Status.UNKNOWN
            changes += self._judge.see(frame if known.all() else frame.take(known))
            ROWS_WATCHED.inc(len(frame))
            self._position_ms = frame.received_ms
        await self._store(changes)

    async def _store(self, changes: Sequence[Change]) -> None:
        while changes:
            try:
                await self._alerts.apply(changes)
            except PyMongoError as error:
                logger.warning("alerts_wait", changes=len(changes), error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._teller.nudge()
                return

    async def _sweep_now_and_then(self, groups: Groups) -> None:
        while True:
            await self.sweep(groups.healthy_since_ms)
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self, healthy_since_ms: int | None) -> None:
        """Judges who is online, tells who came and went, and opens and clears the alerts of silence."""
        async with self._turn:
            self._lease.check()
            now_ms = self._clock()
            came, went = judge(self._fleet, self._patience, now_ms, healthy_since_ms)
            self._fleet.dirty[np.concatenate([came, went]) % PARTITIONS] = True
            self._announcer.presence(came, went, now_ms)
            await self._store(self._judge.sweep(now_ms))

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            try:
                async with self._turn:
                    self._lease.check()
                    await self._state.save(self._fleet, self._judge, self._position_ms)
            except PyMongoError as error:
                logger.warning("state_not_saved", error=str(error))

    async def _expire_now_and_then(self) -> None:
        while True:
            try:
                await self._drift.expire()
            except PyMongoError as error:
                logger.warning("drift_not_expired", error=str(error))
            await asyncio.sleep(SWEEP_SECONDS)

    async def devices_changed(self, device_ids: Sequence[int]) -> None:
        """Begins anew with devices that came to another status, or whose alerts were resolved."""
        async with self._turn:
            if self.watching:
                for device_id in device_ids:
                    self._judge.forget(device_id)
                # Also ends what the consumer could not: an alert that was on its way when the status changed.
                await self._resume_alerts({"device_id": {"$in": list(device_ids)}})
                self._teller.nudge()

    async def rules_changed(self) -> None:
        """Judges by the rules as they are now; what was open by others is closed."""
        async with self._turn:
            if self.watching:
                self._judge.use(await self._rulebook.all())
                await self._resume_alerts({})
                self._teller.nudge()
