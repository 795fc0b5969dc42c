"""A group of which something can never be stored: taken apart until what is left are the rows that are to blame."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.frame import PARTITIONS, Frame
from telemetry_svc.ingest.journal import Journal


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one of the frames, all of one partition."""

    frame: int
    rows: NDArray[np.intp]

    def halves(self) -> Iterator["Piece"]:
        """Rows lie in the order of their senders' batches: halving parts first those, then rows."""
        middle = len(self.rows) // 2
        yield Piece(self.frame, self.rows[:middle])
        yield Piece(self.frame, self.rows[middle:])


async def store_apart(
    journal: Journal, frames: Sequence[Frame], never: Mapping[int, str], number: Callable[[], int]
) -> dict[int, NDArray[np.intp]]:
    """Stores what can be of the partitions that `never` names; gives, by frame, the rows that cannot.

    In rounds: as many writes as halvings, however many rows are to blame. `number` gives each piece a group of its own.
    Raises NotStored.
    """
    pieces = [
        Piece(place, rows)
        for place, frame in enumerate(frames)
        for partition in never
        if len(rows := np.flatnonzero(frame.device % PARTITIONS == partition))
    ]
    bad: dict[int, list[NDArray[np.intp]]] = {}
    while pieces:
        numbered = {number(): piece for piece in pieces}
        refused = await journal.append_apart(
            {group: frames[piece.frame].take(piece.rows) for group, piece in numbered.items()}
        )
        pieces = []
        for piece in map(numbered.__getitem__, refused):
            if len(piece.rows) == 1:
                bad.setdefault(piece.frame, []).append(piece.rows)
            else:
                pieces += piece.halves()
    return {place: np.concatenate(rows) for place, rows in bad.items()}
