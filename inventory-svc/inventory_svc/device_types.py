"""Types of devices: each use case one transaction, with its event inside."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from inventory_svc.models import DeviceType
from inventory_svc.repository.device_types import DeviceTypeRepository
from servicekit.database import Database


class DeviceTypes:
    """What the devices of each type have in common."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def get(self, type: str) -> DeviceType:
        """Raises DeviceTypeNotFound."""
        async with self._database.single() as session:
            return await DeviceTypeRepository(session).get(type)

    async def page(self, *, after: str, limit: int) -> Sequence[DeviceType]:
        """At most `limit` types in the order of their names, from the one behind `after`."""
        async with self._database.single() as session:
            return await DeviceTypeRepository(session).types(after, limit)

    async def update(
        self,
        type: str,
        *,
        metrics: list[dict[str, Any]],
        silence_seconds: int,
        retention_days: int,
        compatible_types: list[str],
        version: int | None = None,
    ) -> DeviceType:
        """Replaces a type's properties. Raises DeviceTypeNotFound, StaleVersion."""
        async with self._database.transaction() as session:
            repository = DeviceTypeRepository(session)
            changed = await repository.lock(type, version)
            changed.metrics, changed.compatible_types = metrics, compatible_types
            changed.silence_seconds, changed.retention_days = silence_seconds, retention_days
            changed.version, changed.updated_at = changed.version + 1, self._clock()
            repository.record(changed)
        return changed
