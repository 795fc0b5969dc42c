"""Types of devices."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from inventory_svc import events
from inventory_svc.errors import DeviceTypeNotFound
from inventory_svc.models import DeviceType
from servicekit.errors import StaleVersion


async def ensure_type(session: AsyncSession, type: str, now: datetime) -> None:
    """Makes a type with defaults, unless it is there: with its first device, in that device's transaction."""
    values = {"type": type, "metrics": [], "compatible_types": [], "updated_at": now}
    # Of transactions with first devices of one type, the others wait here for the first to end.
    made = insert(DeviceType).values(**values).on_conflict_do_nothing().returning(DeviceType)
    found = (await session.scalars(made)).one_or_none()
    if found is not None:
        session.add(events.type_changed(found))


class DeviceTypeRepository:
    """Types, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, type: str) -> DeviceType:
        """Raises DeviceTypeNotFound."""
        found = await self._session.get(DeviceType, type)
        if found is None:
            raise DeviceTypeNotFound(type=type)
        return found

    async def lock(self, type: str, version: int | None) -> DeviceType:
        """The type, which nobody else changes until the transaction ends. Raises DeviceTypeNotFound, StaleVersion."""
        found = await self._session.get(DeviceType, type, with_for_update=True)
        if found is None:
            raise DeviceTypeNotFound(type=type)
        if version is not None and found.version != version:
            raise StaleVersion(version=version, current=found.version)
        return found

    async def types(self, after: str, limit: int) -> Sequence[DeviceType]:
        """In the order of their names, from the one behind `after`."""
        query = select(DeviceType).where(DeviceType.type > after).order_by(DeviceType.type).limit(limit)
        return (await self._session.scalars(query)).all()

    def record(self, changed: DeviceType) -> None:
        """Writes the event of a change, beside the change itself."""
        self._session.add(events.type_changed(changed))
