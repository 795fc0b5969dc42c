"""What is made of readings: the rules are stepped, presence is judged, and what comes of it is stored."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Container, Sequence

import numpy as np
from pymongo.errors import PyMongoError

from servicekit.logs import logger
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import PARTITIONS, Frame, Mask, partition_of
from telemetry_svc.fence import Fence, LeaseLost
from telemetry_svc.ingest.journal import Entry, Group, Journal
from telemetry_svc.observability import PARTITIONS_OWNED, ROWS_WATCHED
from telemetry_svc.watch.alerts import AT_ONCE, Alerts
from telemetry_svc.watch.announcer import Announcer
from telemetry_svc.watch.backlog import Backlog
from telemetry_svc.watch.judge import Change, Judge
from telemetry_svc.watch.presence import Patience, judge
from telemetry_svc.watch.resuming import Resuming
from telemetry_svc.watch.rulebook import Rulebook
from telemetry_svc.watch.state import State
from telemetry_svc.watch.telling import Teller

RETRY_SECONDS = 1.0


class Unstored(Exception):
    """What memory says of the partitions is not what is stored: they are to be read anew, all of them."""


class Watcher:
    """Knows the partitions that are ours.

    All of it is made from what is stored, and what it does twice changes nothing. One thing at a time: `turn` is held
    from a change in memory until that is stored.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        journal: Journal,
        backlog: Backlog,
        state: State,
        rulebook: Rulebook,
        alerts: Alerts,
        teller: Teller,
        announcer: Announcer,
        patience: Patience,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._journal = journal
        self._backlog = backlog
        self._state = state
        self._rulebook = rulebook
        self._alerts = alerts
        self._teller = teller
        self._announcer = announcer
        self._patience = patience
        self._clock = clock
        self._judge = Judge(fleet, patience)
        self._resuming = Resuming(fleet, self._judge, alerts)
        self._fence: Fence | None = None
        self.turn = asyncio.Lock()
        # Partitions that are ours, and of which everything stored was seen.
        self.watched: Mask = np.zeros(PARTITIONS, bool)
        # All that was stored of them before this moment was seen; None: not known. For whoever holds the turn.
        self.seen_through_ms: int | None = None
        # Asked to look for devices that are not known.
        self.on_strangers: Callable[[], Awaitable[None]] | None = None
        # Told when nothing that is remembered of a partition can be relied on any more.
        self.on_loss: Callable[[int], None] = lambda _: None

    @property
    def fence(self) -> Fence:
        """What is ours. Raises LeaseLost before anything was."""
        if self._fence is None:
            raise LeaseLost
        return self._fence

    async def begin(self, fence: Fence) -> None:
        """Begins anew, with nothing."""
        self._fence = fence
        self.seen_through_ms = None
        self._judge.use(await self._rulebook.all())

    def lose(self, partition: int) -> None:
        """It is not ours any more."""
        self.watched[partition] = False
        self._forget(partition)
        PARTITIONS_OWNED.set(int(self.watched.sum()))

    def _forget(self, partition: int) -> None:
        self._backlog.forget(partition)
        self.on_loss(partition)

    async def recover(self, partitions: Collection[int]) -> None:
        """They are ours now: learns of them what there is to know. For whoever holds the turn."""
        began_ms, began = self._clock(), {partition: self.fence.epochs.get(partition) for partition in partitions}
        for partition in partitions:
            self._fleet.forget(partition)
            self._judge.forget_all(partition)
            self._forget(partition)
        self._judge.use(await self._rulebook.all())
        await self._resuming.what_is_over(await self._state.restore(self._fleet, self._judge, partitions))
        await self._resuming.what_is_open({}, partitions, self.fence)
        for partition in sorted(partitions):
            await self._catch_up(partition)
        for partition, epoch in began.items():
            # Those that were lost again meanwhile are not in the fence any more. Not whether its time is over: it may
            # be renewed in a moment, and then nobody would say again that they are ours.
            if epoch and self.fence.epochs.get(partition) == epoch:
                self.watched[partition] = True
                # What the saved state had seen was not counted now.
                self._backlog.doubt(partition)
        # Whatever was stored meanwhile is seen after this.
        self.seen_through_ms = began_ms
        PARTITIONS_OWNED.set(int(self.watched.sum()))
        logger.info("partitions_watched", partitions=int(self.watched.sum()))

    @property
    def mine(self) -> list[int]:
        """The partitions that are watched."""
        return np.flatnonzero(self.watched).tolist()

    async def catch_up(self) -> None:
        """Sees whatever is in the journal and was not seen. For whoever holds the turn."""
        began_ms = self._clock()
        for partition in self.mine:
            await self._catch_up(partition)
        self.seen_through_ms = began_ms

    async def _catch_up(self, partition: int) -> None:
        changes: list[Change] = []
        try:
            async for entry in self._journal.but(partition, self._backlog.groups(partition)):
                frames = entry.frames
                strangers = await self._meet(frames)
                changes += self._take_in(entry.group, frames, [partition], strangers=strangers)
                if len(changes) >= AT_ONCE:
                    await self._store(changes)
                    changes = []
        except PyMongoError:
            await self._store(changes)  # what was seen is not seen again
            raise
        await self._store(changes)

    async def see_entries(self, entries: Sequence[Entry], known: Container[Group]) -> list[Entry]:
        """Sees those that are about to be folded and that nobody saw; gives those that the fold counts: of the `known`
        groups, and these. What was seen since those were all there were is counted already, and is for the next fold.
        """
        chosen: list[Entry] = []
        async with self.turn:
            for entry in entries:
                if entry.group not in known:
                    if not self.watched[entry.partition] or entry.group in self._backlog.groups(entry.partition):
                        continue
                    await self.see(entry.group, entry.frames, [entry.partition], counted=False)
                chosen.append(entry)
        return chosen

    async def see(
        self, group: Group, frames: Sequence[Frame], partitions: Sequence[int], *, counted: bool = True
    ) -> None:
        """Sees a group's rows of those of these partitions of which it was not seen. For whoever holds the turn.

        Raises LeaseLost, Unstored.
        """
        strangers = await self._meet(frames)
        await self._store(self._take_in(group, frames, partitions, strangers=strangers, counted=counted))

    async def _meet(self, frames: Sequence[Frame]) -> bool:
        """Looks for devices that whoever stored their readings has heard of, and we have not; whether there are any.
        Of those that are not known then either the readings are stored, and not judged."""
        strange = [frame.device[self._fleet.statuses(frame.device) == Status.UNKNOWN] for frame in frames]
        if not any(map(len, strange)):
            return False
        if self.on_strangers:
            await self.on_strangers()
        self._fleet.make_room(max(int(devices.max(initial=0)) for devices in strange))
        return True

    def _take_in(
        self,
        group: Group,
        frames: Sequence[Frame],
        partitions: Sequence[int],
        *,
        strangers: bool,
        counted: bool = True,
    ) -> list[Change]:
        unseen = np.zeros(PARTITIONS, bool)
        unseen[self._backlog.unseen(group, partitions)] = True
        if not unseen.any():
            return []
        self.fence.assure()
        changes: list[Change] = []
        rows = np.zeros(PARTITIONS, np.int64)
        for frame in frames:
            partition = frame.device % PARTITIONS
            wanted = unseen[partition]
            mine = frame if wanted.all() else frame.take(wanted)
            rows += np.bincount(partition[wanted], minlength=PARTITIONS)
            if strangers:
                mine = mine.take(self._fleet.statuses(mine.device) != Status.UNKNOWN)
            if len(mine):
                found, news = self._judge.see(mine)
                changes += found
                if counted:
                    self._backlog.count(mine, news)
            ROWS_WATCHED.inc(len(mine))
        there = np.flatnonzero(rows)
        self._backlog.see(group, dict(zip(there.tolist(), rows[there].tolist(), strict=True)), self._clock())
        return changes

    async def _store(self, changes: Sequence[Change]) -> None:
        try:
            while changes:
                changes = await self._stored(changes)
        except BaseException as error:
            # Nothing of what memory says may be saved any more.
            self.watched[:] = False
            if isinstance(error, LeaseLost):
                raise Unstored from error
            raise

    async def _stored(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Stores changes; gives those that are to be tried again."""
        try:
            await self._alerts.apply(changes, self.fence)
        except LeaseLost:
            self.fence.assure()
            # What was let go of meanwhile is seen, and stored, by whoever has it now.
            ours = [change for change in changes if partition_of(change.device_id) in self.fence.epochs]
            if len(ours) == len(changes):
                raise
            return ours
        except PyMongoError as error:
            logger.warning("alerts_wait", changes=len(changes), error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
            return changes
        self._teller.nudge()
        return []

    async def sweep(self, healthy_since_ms: Callable[[], int | None]) -> None:
        """Judges who is online, tells who came and went, and opens and clears the alerts of silence.

        As of the moment through which everything was seen: what is stored and waits to be seen is no silence.
        """
        async with self.turn:
            if self.seen_through_ms is None or not self.watched.any():
                return
            self.fence.assure()
            now_ms = min(self._clock(), self.seen_through_ms)
            came, went = judge(self._fleet, self._patience, now_ms, healthy_since_ms(), self.watched)
            self._fleet.dirty[np.concatenate([came, went]) % PARTITIONS] = True
            self._announcer.presence(came, went, now_ms)
            await self._store(self._judge.sweep(now_ms, self.watched))

    async def save(self, partition: int) -> None:
        """Saves what is known of a partition's devices. Raises LeaseLost, PyMongoError."""
        async with self.turn:
            if not self.watched[partition]:
                return
            self.fence.assure()
            epoch = self.fence.epochs[partition]
            with self.fence.unless_let_go(partition, epoch):
                await self._state.save(self._fleet, self._judge, partition, epoch)

    async def look_at(self, others: Collection[int]) -> None:
        """Takes in what is known of the devices of partitions that others own."""
        async with self.turn:
            await self._state.watch_others(self._fleet, [one for one in others if not self.watched[one]])

    async def devices_changed(self, device_ids: Sequence[int]) -> None:
        """Begins anew with devices that came to another status, or whose alerts were resolved."""
        async with self.turn:
            mine = [device_id for device_id in device_ids if self.watched[device_id % PARTITIONS]]
            if mine:
                # Also ends what the consumer could not: an alert that was on its way when the status changed.
                await self._resuming.what_is_open({"device_id": {"$in": mine}}, self.mine, self.fence, anew=mine)

    async def rules_changed(self) -> None:
        """Judges by the rules as they are now; what was open by others is closed."""
        async with self.turn:
            if self.watched.any():
                self._judge.use(await self._rulebook.all())
                await self._resuming.what_is_open({}, self.mine, self.fence)
                self._teller.nudge()
