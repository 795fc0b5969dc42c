"""The fold: what the journal holds of a partition becomes segments and statistics, and leaves the journal."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
from pymongo.asynchronous.client_session import AsyncClientSession

from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.columns.frame import Ids, Ints, Mask
from telemetry_svc.columns.merge import Merged, merge
from telemetry_svc.columns.narrow import layout_of, rows_joined
from telemetry_svc.columns.rows import Rows
from telemetry_svc.columns.tally import Tally
from telemetry_svc.fence import Fence, LeaseLost
from telemetry_svc.history.heads import Heads
from telemetry_svc.history.layout import lay_out
from telemetry_svc.history.segments import Segment, Segments
from telemetry_svc.history.statistics import Statistics
from telemetry_svc.ingest.journal import Entry, Journal
from telemetry_svc.observability import CELLS_CONFLICTING, CELLS_REPEATED, FOLD_SECONDS, ROWS_FOLDED, SEGMENTS_WRITTEN

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
            pieces = list(_pieces_of(entries))
            chunks = list(chunks_of(pieces)) if pieces else []
            for number, devices in enumerate(chunks, 1):
                part = pieces if len(chunks) == 1 else list(_only(pieces, devices))
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
        pieces: Sequence[Rows],
        gone: Sequence[Entry],
        pending: Callable[[], Tally],
    ) -> None:
        """One transaction."""

        async def write(session: AsyncClientSession) -> None:
            if await fence.check(partition, session) != epoch:
                raise LeaseLost
            known = await self._known(partition, pieces, session)
            merged, segments, tally = await asyncio.to_thread(self._fold, pieces, known)
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

    def _fold(self, pieces: Sequence[Rows], known: Sequence[Segment]) -> tuple[Merged, list[Segment], Tally]:
        merged = merge([*(segment.rows for segment in known), *pieces], len(known))
        tally = self._fleet.tallied(Tally.of(merged.rows, merged.fresh, self._fleet.place_of))
        return merged, list(lay_out(merged.rows, merged.news, known)), tally

    async def _known(self, partition: int, pieces: Sequence[Rows], session: AsyncClientSession) -> list[Segment]:
        """The newest segment of each device, and those before it that late rows belong to."""
        device = np.concatenate([piece.device for piece in pieces])
        time_ms = np.concatenate([piece.time_ms for piece in pieces])
        devices = np.unique(device)
        newest = await self._heads.at(partition, devices)
        there = newest > 0
        known = await self._segments.heads(zip(devices[there].tolist(), newest[there].tolist(), strict=True), session)
        head = await self._heads.at(partition, device)
        late = (head > 0) & (time_ms < head)
        for device_id, first_ms, last_ms in _spans(device[late], time_ms[late]):
            known += await self._segments.around(device_id, first_ms, last_ms, session)
        return known


def _pieces_of(entries: Iterable[Entry]) -> Iterator[Rows]:
    """The rows of entries, in their order, in as few pieces as can be: most groups are laid out as the one before."""
    parts = ((entry.received_ms, columns) for entry in entries for columns in entry.columns)
    for _, run in groupby(parts, key=lambda part: layout_of(part[1])):
        received_ms, columns = zip(*run, strict=True)
        yield rows_joined(columns, received_ms)


def _spans(device: Ids, time_ms: Ints) -> Iterator[tuple[int, int, int]]:
    """Of each device, its first and last time."""
    order = np.lexsort((time_ms, device))
    time_ms = time_ms[order]
    devices, first, counts = np.unique(device[order], return_index=True, return_counts=True)
    return zip(devices.tolist(), time_ms[first].tolist(), time_ms[first + counts - 1].tolist(), strict=True)


def chunks_of(pieces: Sequence[Rows]) -> Iterator[Ids]:
    """The devices, in chunks for one transaction each. Those that send the same metrics come together: a chunk is as
    wide as all the metrics of its devices."""
    sets: dict[tuple[str, ...], int] = {}
    bit_of = [1 << sets.setdefault(tuple(piece.values), len(sets)) % BITS for piece in pieces]
    # By device, a bit for each set of metrics that it sent; and its rows.
    devices, at = np.unique(np.concatenate([piece.device for piece in pieces]), return_inverse=True)
    sent = np.zeros(len(devices), np.int64)
    np.bitwise_or.at(sent, at, np.repeat(bit_of, [len(piece) for piece in pieces]))
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


def _only(pieces: Sequence[Rows], devices: Ids) -> Iterator[Rows]:
    chosen: Mask = np.zeros(1 + max(int(piece.device.max()) for piece in pieces), bool)
    chosen[devices] = True
    for piece in pieces:
        mask = chosen[piece.device]
        if mask.any():
            yield piece.take(mask)
