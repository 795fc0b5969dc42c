"""When is folded, and what is kept for how long."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from pymongo.errors import PyMongoError

from servicekit.logs import logger
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.columns.tally import HOUR_MINUTES, MINUTE_MS
from telemetry_svc.fence import LeaseLost
from telemetry_svc.history.fold import Fold
from telemetry_svc.history.segments import Segments
from telemetry_svc.history.statistics import KEPT_HOURS, Statistics
from telemetry_svc.ingest.journal import Entry
from telemetry_svc.watch.backlog import Backlog, Limits
from telemetry_svc.watch.owner import Work
from telemetry_svc.watch.watcher import Watcher

LOOK_SECONDS, TELL_SECONDS, FORGET_SECONDS, RETRY_SECONDS = 0.5, 1.0, 3_600.0, 1.0
# A partition that could not be folded lets the others go first: it may be that it never can.
AFTER_OTHERS_MS = 10_000
# Devices of which old segments are removed in one go, and the pause after it: a million take some hours.
FORGOTTEN_AT_ONCE, FORGET_PAUSE_SECONDS = 200, 1.0


class Folding:
    """Folds what is due of the partitions that are ours, tells the statistics what is not, and removes what is old."""

    def __init__(
        self,
        *,
        watcher: Watcher,
        fold: Fold,
        backlog: Backlog,
        segments: Segments,
        statistics: Statistics,
        fleet: Fleet,
        limits: Limits,
        crowded: Callable[[], bool],
        retention_ms: int,
        clock: Clock,
    ) -> None:
        """`crowded`: whether the journal has so much that whatever there is must be folded; `retention_ms`: how long
        readings are kept whose type of device does not say."""
        self._watcher = watcher
        self._fold = fold
        self._backlog = backlog
        self._segments = segments
        self._statistics = statistics
        self._fleet = fleet
        self._limits = limits
        self._crowded = crowded
        self._retention_ms = retention_ms
        self._clock = clock

    @property
    def work(self) -> Sequence[Work]:
        """All that is to be done all the while."""
        return self.fold_what_is_due, self.tell_statistics, self.forget_what_is_old

    async def fold_what_is_due(self) -> None:
        """Folds until it is cancelled."""
        failed_ms: dict[int, int] = {}
        while True:
            now_ms = self._clock()
            failed_ms = {one: at_ms for one, at_ms in failed_ms.items() if at_ms > now_ms - AFTER_OTHERS_MS}
            limits = replace(self._limits, rows=1) if self._crowded() else self._limits
            due = [one for one in self._backlog.due(now_ms, limits) if self._watcher.watched[one]]
            if not due:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            # Those that failed by how long ago; all others before them.
            partition = min(due, key=lambda one: failed_ms.get(one, 0))
            try:
                await self.fold(partition)
            except PyMongoError as error:
                logger.warning("fold_waits", partition=partition, error=str(error))
                failed_ms[partition] = self._clock()
                await asyncio.sleep(RETRY_SECONDS)

    async def fold(self, partition: int) -> None:
        """Folds what is stored of a partition. Raises LeaseLost, Unstored, PyMongoError; of what was to be folded, some
        may be then."""
        watcher = self._watcher
        async with watcher.turn:
            if not watcher.watched[partition]:
                return
            fence = watcher.fence
            epoch = fence.epochs[partition]
            cut = self._backlog.cut(partition)

        def still_ours() -> bool:
            return bool(watcher.watched[partition]) and watcher.fence.epochs.get(partition) == epoch

        async def choose(entries: Sequence[Entry]) -> list[Entry]:
            chosen = await watcher.see_entries(entries, cut.groups)
            # Before anything leaves the journal, and with all that does: whoever has it next begins with this.
            await watcher.save(partition)
            if not still_ours():
                raise LeaseLost  # and nothing was saved
            return chosen

        try:
            entries, left = await self._fold.run(
                partition, epoch, fence, choose=choose, pending=lambda: self._backlog.pending(partition)
            )
        except LeaseLost:
            if still_ours():
                raise
            return  # it was let go of meanwhile
        except BaseException:
            if still_ours():
                self._backlog.restore(partition, cut)
            raise
        async with watcher.turn:
            if still_ours():
                self._backlog.folded(partition, cut, entries, self._clock(), all_of_it=not left)

    async def tell_statistics(self) -> None:
        """Keeps what is not folded yet among the statistics, until it is cancelled."""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            # All of one moment: what a fold tells while they are told is later than all of them.
            word, epochs = self._statistics.word(), dict(self._watcher.fence.epochs)
            untold = self._backlog.changes()
            try:
                while untold:
                    partition, tally = next(iter(untold.items()))
                    if epoch := epochs.get(partition):
                        with self._watcher.fence.unless_let_go(partition, epoch):
                            await self._statistics.await_fold(partition, epoch, tally, word)
                    del untold[partition]
            except PyMongoError as error:
                logger.warning("statistics_wait", partitions=len(untold), error=str(error))
                self._backlog.tell_again(untold)

    async def forget_what_is_old(self) -> None:
        """Removes readings and statistics that are older than they are kept, until it is cancelled."""
        while True:
            try:
                mine = self._watcher.mine
                hour = self._clock() // (MINUTE_MS * HOUR_MINUTES) - KEPT_HOURS
                await self._statistics.forget(mine, hour)
                await self.forget_segments(self._watcher.watched.__getitem__)
            except PyMongoError as error:
                logger.warning("old_readings_stay", error=str(error))
            await asyncio.sleep(FORGET_SECONDS)

    async def forget_segments(self, mine: Callable[[int], bool]) -> None:
        """Removes the segments that ended longer ago than the type of their device says."""
        devices = self._fleet.known()
        for start in range(0, len(devices), FORGOTTEN_AT_ONCE):
            some = devices[start : start + FORGOTTEN_AT_ONCE]
            before = self._clock() - self._fleet.retentions(some, self._retention_ms)
            pairs = zip(some.tolist(), before.tolist(), strict=True)
            await self._segments.forget([pair for pair in pairs if mine(pair[0] % PARTITIONS)])
            await asyncio.sleep(FORGET_PAUSE_SECONDS if len(some) == FORGOTTEN_AT_ONCE else 0)
