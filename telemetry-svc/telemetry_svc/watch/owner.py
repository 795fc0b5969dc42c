"""Takes its share of the partitions and keeps the watch over them going: who follows what, and how often."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from pymongo.errors import PyMongoError

from servicekit.logs import logger
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.company import Company
from telemetry_svc.fence import LeaseLost
from telemetry_svc.ingest.groups import Groups
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.partitions import Partitions
from telemetry_svc.store import Collection
from telemetry_svc.tasks import together
from telemetry_svc.watch.announcer import Announcer
from telemetry_svc.watch.drift import Drift
from telemetry_svc.watch.handover import Handover
from telemetry_svc.watch.hearsay import Hearsay
from telemetry_svc.watch.pieces import by_group
from telemetry_svc.watch.telling import Teller
from telemetry_svc.watch.watcher import Unstored, Watcher

SWEEP_SECONDS, SAVE_SECONDS, RETRY_SECONDS, LOOK_SECONDS = 1.0, 10.0, 1.0, 2.0
# Whoever waits for what is handed over looks that often whether there is somebody else.
LOOK_UP_SECONDS = 0.5

Work = Callable[[], Coroutine[Any, Any, None]]


class Owner:
    """Runs the watch. Whatever goes wrong, it gives everything back and begins again from what is stored."""

    def __init__(
        self,
        *,
        leases: Collection,
        fences: Collection,
        members: Collection,
        company: Company,
        watcher: Watcher,
        fleet: Fleet,
        journal: Journal,
        handover: Handover,
        drift: Drift,
        teller: Teller,
        announcer: Announcer,
        hearsay: Hearsay,
        standby: bool,
        clock: Clock,
    ) -> None:
        self._leases = leases
        self._fences = fences
        self._members = members
        self._company = company
        self._watcher = watcher
        self._fleet = fleet
        self._journal = journal
        self._handover = handover
        self._drift = drift
        self._teller = teller
        self._announcer = announcer
        self._hearsay = hearsay
        self._standby = standby
        self._clock = clock
        self._gained: set[int] = set()
        self._something_gained = asyncio.Event()

    async def run(self, groups: Groups, also: Sequence[Work]) -> None:
        """Watches until it is cancelled. `groups`: whose health says whether silence means anything; `also`: what else
        is done all the while."""
        watcher = self._watcher
        while True:
            partitions = Partitions(
                self._leases,
                self._fences,
                self._members,
                gain=self._gain,
                lose=self._lose,
                healthy_since_ms=lambda: groups.healthy_since_ms,
                standby=self._standby,
                clock=self._clock,
            )
            try:
                await watcher.begin(partitions.fence)
                await together(
                    partitions.run(),
                    self._recover_what_is_gained(),
                    self._follow(),
                    self._sweep_now_and_then(partitions),
                    self._save_now_and_then(),
                    self._look_at_others(),
                    self._sweep_drift_now_and_then(),
                    self._teller.run(watcher.watched),
                    self._announcer.run(watcher.watched),
                    *(work() for work in also),
                )
            except (LeaseLost, Unstored):
                logger.warning("lease_lost")
            except PyMongoError as error:
                logger.warning("watch_waits", error=str(error))
            except Exception:  # noqa: BLE001 - whatever it was: from the stored facts again
                logger.exception("watch_interrupted")
            finally:
                for partition in {*watcher.mine, *self._gained}:
                    self._lose(partition)
            await asyncio.sleep(RETRY_SECONDS)

    def _gain(self, partition: int) -> None:
        self._gained.add(partition)
        self._something_gained.set()

    def _lose(self, partition: int) -> None:
        self._gained.discard(partition)
        self._watcher.lose(partition)

    async def _recover_what_is_gained(self) -> None:
        while True:
            await self._something_gained.wait()
            self._something_gained.clear()
            async with self._watcher.turn:
                gained, self._gained = self._gained, set()
                if gained:
                    await self._watcher.recover(gained)

    async def _follow(self) -> None:
        """Sees what is stored of our partitions. While nobody else stores anything, that is what this process hands
        over; otherwise everything comes in the order in which it was committed, ours too: a device may have sent to
        another replica a moment ago."""
        with suppress(TimeoutError):  # then it is known whether there is somebody else
            await self._company.joined()
        while True:
            try:
                if solitude := self._company.solitude:
                    await self._follow_ourselves(solitude)
                else:
                    await self._follow_all()
            except PyMongoError as error:
                logger.warning("journal_not_followed", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow_ourselves(self, solitude: int) -> None:
        await self._handover.open()
        try:
            await self._catch_up()
            while self._company.solitude == solitude:
                group = await self._handover.get(LOOK_UP_SECONDS)
                through_ms = self._clock()
                if group is not None and group.frames is None:
                    await self._catch_up()
                    continue
                async with self._watcher.turn:
                    if self._company.solitude != solitude:
                        continue  # it is seen in its turn
                    if group is not None and group.frames:
                        await self._watcher.see((self._journal.writer, group.number), group.frames, self._watcher.mine)
                        through_ms = group.frames[0].received_ms
                    self._watcher.seen_through_ms = through_ms
        finally:
            await self._handover.shut()

    async def _follow_all(self) -> None:
        mine = self._watcher.mine
        if not mine:
            # A change stream of nothing would have MongoDB look at all that is stored, for each receiver.
            await asyncio.sleep(LOOK_UP_SECONDS)
            return
        async for entries in self._journal.news(mine, self._catch_up):
            for pieces in by_group(entries):
                async with self._watcher.turn:
                    watched = [one for one in pieces.partitions if self._watcher.watched[one]]
                    await self._watcher.see(pieces.group, pieces.frames(), watched)
            if self._company.solitude or mine != self._watcher.mine:
                return
            self._watcher.seen_through_ms = max([one.received_ms for one in entries], default=self._clock())

    async def _catch_up(self) -> None:
        async with self._watcher.turn:
            await self._watcher.catch_up()

    async def _sweep_now_and_then(self, partitions: Partitions) -> None:
        while True:
            await self._watcher.sweep(partitions.healthy_since_ms)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            for partition in np.flatnonzero(self._watcher.watched & self._fleet.dirty).tolist():
                try:
                    await self._watcher.save(partition)
                except PyMongoError as error:
                    logger.warning("state_not_saved", partition=partition, error=str(error))

    async def _look_at_others(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if not self._company.solitude:
                    await self._watcher.look_at(range(PARTITIONS))
                    await self._hearsay.tell(self._watcher.watched)
                    await self._hearsay.learn(self._watcher.watched)
            except PyMongoError as error:
                logger.warning("others_not_seen", error=str(error))

    async def _sweep_drift_now_and_then(self) -> None:
        while True:
            try:
                if self._watcher.watched[0]:
                    await self._drift.sweep()
            except PyMongoError as error:
                logger.warning("drift_not_swept", error=str(error))
            await asyncio.sleep(SWEEP_SECONDS)
