"""Stock: how many of what are where, and whether that is enough."""

from collections.abc import Sequence

from inventory_svc.repository.stock import Level, StockRepository
from servicekit.database import Database


class Stock:
    """Counts by type, location and status."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, type: str, location: str, *, after: tuple[str, str] | None, limit: int) -> Sequence[Level]:
        """At most `limit` levels by type and place, from the one behind `after`; some may be all zero."""
        async with self._database.single() as session:
            return await StockRepository(session).levels(type, location, after, limit)

    async def set_minimum(self, type: str, location: str, minimum: int) -> Level:
        """So many shall be in stock there; 0: it does not matter. `inventory.stock.low` follows with the next fold."""
        async with self._database.transaction() as session:
            return await StockRepository(session).set_minimum(type, location, minimum)

    async def fold(self) -> None:
        """Takes what changed into the counts, and tells of what fell below its minimum. Replicas may do it at once."""
        async with self._database.transaction() as session:
            await StockRepository(session).fold()
