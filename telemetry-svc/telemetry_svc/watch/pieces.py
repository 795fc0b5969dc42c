"""A group comes back from the journal in pieces, one for each partition, and is looked at whole, as it was stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from telemetry_svc.columns.frame import Frame
from telemetry_svc.columns.narrow import Columns, frame_of, joined
from telemetry_svc.ingest.journal import Entry, Group


@dataclass(frozen=True, slots=True)
class Pieces:
    """What entries of one group brought, each to another partition."""

    group: Group
    received_ms: int
    partitions: list[int] = field(default_factory=list)
    # By their metrics: a group has one frame of each set.
    _columns: dict[tuple[str, ...], list[Columns]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Adds another partition's."""
        self.partitions.append(entry.partition)
        for columns in entry.columns:
            self._columns.setdefault(tuple(columns["metrics"]), []).append(columns)

    def frames(self) -> list[Frame]:
        """All rows, a frame for each set of metrics."""
        return [frame_of(joined(parts), self.received_ms) for parts in self._columns.values()]


def by_group(entries: Sequence[Entry]) -> list[Pieces]:
    """The entries of each group together; those of one partition stay in their order."""
    found: list[Pieces] = []
    # By group its newest pieces, and by partition the newest pieces that have anything of it: places in `found`.
    of_group: dict[Group, int] = {}
    of_partition: dict[int, int] = {}
    for entry in entries:
        at = of_group.get(entry.group, -1)
        if at < of_partition.get(entry.partition, 0):
            at = of_group[entry.group] = len(found)
            found.append(Pieces(entry.group, entry.received_ms))
        found[at].add(entry)
        of_partition[entry.partition] = at
    return found
