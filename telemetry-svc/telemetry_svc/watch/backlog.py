"""What the watch has seen of the journal and the fold has not taken yet, by partition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.columns.frame import PARTITIONS, Frame, Ints, Mask
from telemetry_svc.columns.tally import Tally
from telemetry_svc.ingest.journal import Entry, Group

# So many rows wait to be counted together: to count a few costs nearly as much as to count thousands.
LOOSE_ROWS = 16_384
# So many tallies lie side by side before they are made one.
LOOSE_TALLIES = 32
# A partition with rows that may have come before is folded soon: only the fold finds out what they count.
UNSURE_MS = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    """When a partition is folded: at so many rows, or when the oldest of them has waited so long."""

    rows: int
    age_ms: int


@dataclass(frozen=True, slots=True)
class Cut:
    """What there was of a partition when a fold began."""

    groups: frozenset[Group]
    rows: int
    pending: Tally
    unsure: bool


class Backlog:
    """Which groups the watch has seen, so that none is seen twice and none folded unseen; and what they count.

    A row whose cells are all newer than anything before is counted at once. Another may be one that came again: it is
    counted when it is folded.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._groups: list[set[Group]] = [set() for _ in range(PARTITIONS)]
        self._rows: Ints = np.zeros(PARTITIONS, np.int64)
        self._since_ms: Ints = np.zeros(PARTITIONS, np.int64)
        self._unsure: Mask = np.zeros(PARTITIONS, bool)
        # What is not counted yet: frames with the cells of them that are news; and their rows.
        self._loose: list[tuple[Frame, Mapping[str, Mask]]] = []
        self._loose_rows = 0
        self._tallies: list[Tally] = []
        # Partitions of which the tally changed since it was last taken.
        self._changed: Mask = np.zeros(PARTITIONS, bool)

    @property
    def rows(self) -> int:
        """Rows of all partitions."""
        return int(self._rows.sum())

    def groups(self, partition: int) -> set[Group]:
        """The groups of which the partition's rows were seen."""
        return self._groups[partition]

    def unseen(self, group: Group, partitions: Iterable[int]) -> list[int]:
        """Those of the partitions of which the group was not seen."""
        return [partition for partition in partitions if group not in self._groups[partition]]

    def see(self, group: Group, rows: Mapping[int, int], now_ms: int) -> None:
        """The group brought so many rows to these partitions."""
        for partition, count in rows.items():
            self._groups[partition].add(group)
            if not self._rows[partition]:
                self._since_ms[partition] = now_ms
            self._rows[partition] += count

    def count(self, frame: Frame, news: Mapping[str, Mask]) -> None:
        """Counts the cells that are news, when somebody asks or there are many of them."""
        if _twice(frame):
            self._unsure[frame.device % PARTITIONS] = True
        self._loose.append((frame, news))
        self._loose_rows += len(frame)
        if self._loose_rows >= LOOSE_ROWS:
            self._settle()

    def doubt(self, partition: int) -> None:
        """What is in the journal may be counted wrongly until it is folded."""
        self._unsure[partition] = True

    def changes(self) -> dict[int, Tally]:
        """The tally of each partition where it is another one than it was the last time."""
        self._settle()
        changed = np.flatnonzero(self._changed).tolist()
        self._changed[:] = False
        parts = dict(Tally.together(self._tallies).parts(_partition)) if changed else {}
        return {partition: self._fleet.tallied(parts.get(partition, Tally())) for partition in changed}

    def tell_again(self, partitions: Iterable[int]) -> None:
        """Of these the change could not be told."""
        self._changed[list(partitions)] = True

    def pending(self, partition: int) -> Tally:
        """What a partition's rows count, as far as is known."""
        return self._fleet.tallied(Tally.together(self._of(partition)))

    def due(self, now_ms: int, limits: Limits) -> list[int]:
        """The partitions to be folded, those with most rows first."""
        self._settle()
        waited_ms = now_ms - self._since_ms
        due = (self._rows >= limits.rows) | (waited_ms >= limits.age_ms) | (self._unsure & (waited_ms >= UNSURE_MS))
        due &= (self._rows > 0) | self._unsure
        return [partition for partition in np.argsort(-self._rows).tolist() if due[partition]]

    def cut(self, partition: int) -> Cut:
        """A fold begins: what is seen from now on is for the next one."""
        mine = Tally.together(self._of(partition))
        cut = Cut(frozenset(self._groups[partition]), int(self._rows[partition]), mine, bool(self._unsure[partition]))
        self._drop(partition)
        self._unsure[partition] = False
        return cut

    def restore(self, partition: int, cut: Cut) -> None:
        """The fold failed, as far as is known: it may have been committed all the same, and then nothing of this is in
        the journal any more."""
        self._tallies.append(cut.pending)
        self._unsure[partition] = self._changed[partition] = True

    def folded(self, partition: int, cut: Cut, entries: Sequence[Entry], now_ms: int, *, all_of_it: bool) -> None:
        """These entries are not in the journal any more; `all_of_it`: nor is any other from before the cut, of which
        some may have been gone before."""
        rows = sum(map(len, entries))
        if all_of_it:
            self._groups[partition] -= cut.groups
            rows = cut.rows + sum(len(entry) for entry in entries if entry.group not in cut.groups)
        else:
            # What is left is not among the pending any more.
            self._unsure[partition] = True
        self._groups[partition].difference_update([entry.group for entry in entries])
        self._rows[partition] = max(0, int(self._rows[partition]) - rows)
        self._since_ms[partition] = now_ms

    def forget(self, partition: int) -> None:
        """Somebody else has it, or it is read anew."""
        self._drop(partition)
        self._groups[partition] = set()
        self._rows[partition] = 0
        self._unsure[partition] = self._changed[partition] = False

    def _settle(self) -> None:
        """Counts what was not counted yet."""
        loose, self._loose, self._loose_rows = self._loose, [], 0
        alike: dict[tuple[str, ...], list[tuple[Frame, Mapping[str, Mask]]]] = {}
        for frame, news in loose:
            alike.setdefault(tuple(news), []).append((frame, news))
        for some in alike.values():
            frame, news = _joined(some)
            for metric, mask in news.items():
                if mask.all():
                    continue
                others = ~mask & ~np.isnan(frame.values[metric])
                if others.any():
                    self._unsure[frame.device[others] % PARTITIONS] = True
            tally = Tally.of(frame, news, self._fleet.place_of)
            if len(tally):
                self._tallies.append(tally)
                self._changed[np.array(tally.places) % PARTITIONS] = True
        if len(self._tallies) > LOOSE_TALLIES:
            self._join()

    def _join(self) -> None:
        """Makes one of the newest tallies, and of older ones that are not much larger: so a row is joined with others a
        few times in all, however many there come to be."""
        newest = [self._tallies.pop()]
        rows = len(newest[0])
        while self._tallies and len(self._tallies[-1]) <= 2 * rows:
            newest.append(self._tallies.pop())
            rows += len(newest[-1])
        self._tallies.append(Tally.together(newest))

    def _of(self, partition: int) -> Sequence[Tally]:
        self._settle()
        return [tally.at(lambda place: _partition(place) == partition) for tally in self._tallies]

    def _drop(self, partition: int) -> None:
        self._settle()
        rest = (tally.at(lambda place: _partition(place) != partition) for tally in self._tallies)
        self._tallies = [tally for tally in rest if len(tally)]


def _partition(place: int) -> int:
    return place % PARTITIONS


def _joined(some: Sequence[tuple[Frame, Mapping[str, Mask]]]) -> tuple[Frame, Mapping[str, Mask]]:
    """Frames of the same metrics, one after the other, with their cells; received whenever."""
    frame, news = some[0]
    if len(some) == 1:
        return frame, news
    device, time_ms = (np.concatenate([getattr(one, name) for one, _ in some]) for name in ("device", "time_ms"))
    values = {metric: np.concatenate([one.values[metric] for one, _ in some]) for metric in news}
    cells = {metric: np.concatenate([masks[metric] for _, masks in some]) for metric in news}
    return Frame(device, time_ms, values, frame.received_ms), cells


def _twice(frame: Frame) -> bool:
    """Whether rows of the same device and time may be in it."""
    starts = frame.runs()
    if starts is not None and len(np.unique(frame.device[starts])) == len(starts):
        return False
    late_ms = frame.time_ms - frame.time_ms.min()
    if late_ms.max() >= 2**32:
        return True
    cells = np.sort((frame.device.astype(np.int64) << 32) | late_ms)
    return bool((cells[1:] == cells[:-1]).any())
