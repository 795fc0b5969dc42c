"""The fold: what the journal holds of a partition becomes segments and statistics, and leaves the journal."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import numpy as np
from pymongo.asynchronous.client_session import AsyncClientSession

from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.columns.frame import Frame, Ids, Ints, Mask
from telemetry_svc.columns.merge import Merged, merge
from telemetry_svc.columns.rows import Rows
from telemetry_svc.columns.tally import Tally
from telemetry_svc.history.heads import Heads
from telemetry_svc.history.layout import lay_out
from telemetry_svc.history.segments import Segment, Segments
from telemetry_svc.history.statistics import Statistics
from telemetry_svc.ingest.journal import Entry, Journal
from telemetry_svc.observability import CELLS_CONFLICTING, CELLS_REPEATED, FOLD_SECONDS, ROWS_FOLDED, SEGMENTS_WRITTEN
from telemetry_svc.partitions import Fence, LeaseLost

# So much of a partition is taken up at once, by the order of receipt; one transaction is of so many devices and cells.
MOST_ROWS, MOST_DEVICES = 400_000, 2_000
MOST_CELLS = 8_000_000
# Sets of metrics are told apart by so many bits; should there be more, a chunk is counted as wider than it is.
BITS = 62


class Fold:
    """Folds one partition at a time. All that one transaction writes is written by the partition's owner or by nobody.

    A partition of many devices takes several transactions, the last of which removes the entries from the journal: what
    is in both places meanwhile, or because the process died, is the same cell, which counts once.
    """

    def __init__(
        self,
        journal: Journal,
        segments: Segments,
        heads: Heads,
        statistics: Statistics,
        fleet: Fleet,
    ) -> None:
        self._journal = journal
        self._segments = segments
        self._heads = heads
        self._statistics = statistics
        self._fleet = fleet

    async def run(
        self,
        partition: int,
        epoch: int,
        fence: Fence,
        *,
        choose: Callable[[Sequence[Entry]], Awaitable[list[Entry]]],
        pending: Callable[[], Tally],
    ) -> tuple[list[Entry], int]:
        """Folds what is stored of a partition; gives the entries, and how many were too many for once.

        `epoch`: of its owner when this began. `choose` gives those of some entries that may be folded. `pending`: what
        is to be counted beside. Raises LeaseLost when the partition is not ours any more, or is ours anew.
        """
        with FOLD_SECONDS.time():
            stored, left = await self._journal.oldest(partition, MOST_ROWS)
            entries = sorted(await choose(stored), key=lambda entry: entry.rank)
            frames = [frame for entry in entries for frame in entry.frames]
            chunks = list(chunks_of(frames)) if frames else []
            for number, devices in enumerate(chunks, 1):
                part = frames if len(chunks) == 1 else list(_only(frames, devices))
                gone = entries if number == len(chunks) else []
                await self._commit(partition, epoch, fence, part, gone, pending)
            if not chunks:
                await self._statistics.await_fold(partition, epoch, pending(), self._statistics.word())
            ROWS_FOLDED.inc(sum(map(len, entries)))
            return entries, left

    async def _commit(
        self,
        partition: int,
        epoch: int,
        fence: Fence,
        frames: Sequence[Frame],
        gone: Sequence[Entry],
        pending: Callable[[], Tally],
    ) -> None:
        """One transaction."""

        async def write(session: AsyncClientSession) -> None:
            if await fence.check(partition, session) != epoch:
                raise LeaseLost
            known = await self._known(partition, frames, session)
            merged, segments, tally = await asyncio.to_thread(self._fold, frames, known)
            await self._segments.write(segments, session)
            await self._heads.write(partition, segments, session)
            await self._statistics.add(partition, epoch, tally, pending, session)
            await self._journal.remove(gone, session)
            CELLS_REPEATED.inc(merged.repeated)
            CELLS_CONFLICTING.inc(merged.conflicting)
            SEGMENTS_WRITTEN.inc(len(segments))

        try:
            await fence.transaction(write)
        except BaseException:
            # It may have been committed all the same, and then there are newer ones.
            self._heads.forget(partition)
            raise
        self._heads.settle(partition)

    def _fold(self, frames: Sequence[Frame], known: Sequence[Segment]) -> tuple[Merged, list[Segment], Tally]:
        merged = merge([*(segment.rows for segment in known), *map(Rows.of, frames)], len(known))
        tally = self._fleet.tallied(Tally.of(merged.rows, merged.fresh, self._fleet.place_of))
        return merged, list(lay_out(merged.rows, merged.news, known)), tally

    async def _known(self, partition: int, frames: Sequence[Frame], session: AsyncClientSession) -> list[Segment]:
        """The newest segment of each device, and those before it that late rows belong to."""
        device = np.concatenate([frame.device for frame in frames])
        time_ms = np.concatenate([frame.time_ms for frame in frames])
        devices = np.unique(device)
        newest = await self._heads.at(partition, devices)
        there = newest > 0
        known = await self._segments.heads(zip(devices[there].tolist(), newest[there].tolist(), strict=True), session)
        head = await self._heads.at(partition, device)
        late = (head > 0) & (time_ms < head)
        for device_id, first_ms, last_ms in _spans(device[late], time_ms[late]):
            known += await self._segments.around(device_id, first_ms, last_ms, session)
        return known


def _spans(device: Ids, time_ms: Ints) -> Iterator[tuple[int, int, int]]:
    """Of each device, its first and last time."""
    order = np.lexsort((time_ms, device))
    time_ms = time_ms[order]
    devices, first, counts = np.unique(device[order], return_index=True, return_counts=True)
    return zip(devices.tolist(), time_ms[first].tolist(), time_ms[first + counts - 1].tolist(), strict=True)


def chunks_of(frames: Sequence[Frame]) -> Iterator[Ids]:
    """The devices, in chunks for one transaction each. Those that send the same metrics come together: a chunk is as
    wide as all the metrics of its devices."""
    sets: dict[tuple[str, ...], int] = {}
    bit_of = [1 << sets.setdefault(tuple(frame.values), len(sets)) % BITS for frame in frames]
    # By device, a bit for each set of metrics that it sent; and its rows.
    devices, at = np.unique(np.concatenate([frame.device for frame in frames]), return_inverse=True)
    sent = np.zeros(len(devices), np.int64)
    np.bitwise_or.at(sent, at, np.repeat(bit_of, [len(frame) for frame in frames]))
    rows = np.bincount(at)
    order = np.argsort(sent, kind="stable")
    devices, sent, rows = devices[order], sent[order], rows[order]
    width = _Width(sets)
    start, height, together = 0, 0, 0
    for at, (bits, more) in enumerate(zip(sent.tolist(), rows.tolist(), strict=True)):
        too_large = at - start == MOST_DEVICES or (height + more) * width[together | bits] > MOST_CELLS
        if too_large and at > start:
            yield np.sort(devices[start:at])
            start, height, together = at, 0, 0
        height, together = height + more, together | bits
    yield np.sort(devices[start:])


class _Width(dict[int, int]):
    """How many metrics there are in some sets, by their bits."""

    def __init__(self, sets: Mapping[tuple[str, ...], int]) -> None:
        super().__init__()
        self._sets = sets

    def __missing__(self, bits: int) -> int:
        names = {name for names, number in self._sets.items() if bits >> number % BITS & 1 for name in names}
        self[bits] = len(names)
        return len(names)


def _only(frames: Sequence[Frame], devices: Ids) -> Iterator[Frame]:
    chosen: Mask = np.zeros(1 + max(int(frame.device.max()) for frame in frames), bool)
    chosen[devices] = True
    for frame in frames:
        mask = chosen[frame.device]
        if mask.any():
            yield frame.take(mask)
