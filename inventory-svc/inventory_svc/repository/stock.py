"""Counts of stock: what was folded, and the changes since."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    case,
    cast,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from inventory_svc import events
from inventory_svc.models import COUNTED, CROSSED, EMPTY, StockChange, StockLevel, lowered
from inventory_svc.repository.listing import at

# Of the fold, in inventory's database.
LOCK = 0x73746F63
COUNTS = [status.value for status in COUNTED]

Level = Row[Any]


class StockRepository:
    """Stock, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def levels(self, type: str, location: str, after: tuple[str, str] | None, limit: int) -> Sequence[Level]:
        """Counts as they are now, by type and place, from the one behind `after`; some may be all zero.

        Each row: type, place, location, the counts by status, minimum.
        """
        place = lowered(_of(StockChange.location))
        folded = select(
            StockLevel.type,
            StockLevel.place,
            StockLevel.location,
            *(getattr(StockLevel, name) for name in COUNTS),
            StockLevel.minimum,
        ).where(*_wanted(_of(StockLevel.type), _of(StockLevel.place), type, location, after))
        # Enough of them: what has changed since adds to the page, and takes nothing from it.
        folded = folded.order_by(StockLevel.type, StockLevel.place).limit(limit)
        changed = select(
            StockChange.type.collate("C"),
            place,
            StockChange.location,
            *(_count(name) for name in COUNTS),
            literal(0),
        ).where(*_wanted(StockChange.type.collate("C"), place, type, location, after))
        both = union_all(folded.subquery().select(), changed).subquery()
        columns = both.c
        query = (
            select(
                columns.type,
                columns.place,
                func.min(columns.location).label("location"),
                *(cast(func.sum(columns[name]), Integer).label(name) for name in COUNTS),
                cast(func.sum(columns.minimum), Integer).label("minimum"),
            )
            .group_by(columns.type, columns.place)
            .order_by(columns.type, columns.place)
            .limit(limit)
        )
        return (await self._session.execute(query)).all()

    async def set_minimum(self, type: str, location: str, minimum: int) -> Level:
        """The level as it is then. A minimum may come before the first device."""
        row = insert(StockLevel).values(type=type, place=lowered(literal(location)), location=location, minimum=minimum)
        await self._session.execute(
            row.on_conflict_do_update(index_elements=["type", "place"], set_={"minimum": row.excluded.minimum})
        )
        (level,) = await self.levels(type, location, None, 1)
        return level

    async def fold(self) -> None:
        """Takes the changes into the counts, and tells of what fell below its minimum. One replica at a time."""
        if not await self._session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))):
            return
        gone = delete(StockChange).returning(StockChange).cte("gone")
        place = func.lower(gone.c.location).collate("C")
        sums = [
            cast(func.coalesce(func.sum(gone.c.devices).filter(gone.c.status == name), 0), Integer).label(name)
            for name in COUNTS
        ]
        # Ordered, as those are locked who set a minimum meanwhile.
        counted = (
            select(gone.c.type.collate("C").label("type"), place.label("place"), func.min(gone.c.location), *sums)
            .group_by(gone.c.type.collate("C"), place)
            .order_by(text("1"), text("2"))
        )
        row = insert(StockLevel).from_select(["type", "place", "location", *COUNTS], counted)
        more = {name: StockLevel.__table__.c[name] + row.excluded[name] for name in COUNTS}
        await self._session.execute(row.on_conflict_do_update(index_elements=["type", "place"], set_=more))
        await self._tell_low()
        await self._session.execute(delete(StockLevel).where(text(EMPTY)))

    async def _tell_low(self) -> None:
        crossed = (
            update(StockLevel)
            .where(text(CROSSED))
            .values(told_low=StockLevel.in_stock < StockLevel.minimum)
            .returning(StockLevel)
        )
        for level in (await self._session.scalars(crossed)).all():
            if level.told_low:
                self._session.add(events.stock_low(level))


def _wanted(
    of_type: ColumnElement[str], place: ColumnElement[str], type: str, location: str, after: tuple[str, str] | None
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if type:
        found.append(of_type == type)
    if location:
        found.append(at(place, location))
    if after:
        found.append(tuple_(of_type, place) > tuple_(*map(literal, after)))
    return found


def _count(status: str) -> ColumnElement[int]:
    return case((StockChange.status == status, StockChange.devices), else_=0)


def _of(attribute: Any) -> ColumnElement[Any]:
    return attribute.expression
