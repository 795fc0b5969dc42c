"""The use cases: each one transaction, with its event inside."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

from inventory_svc.models import Change, Device, DeviceLog, Status
from inventory_svc.repository import DeviceFilter, Repository
from servicekit.access import Caller
from servicekit.database import Database

SECRET_BYTES = 32


class Inventory:
    """Every device, and its way through the lifecycle."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def get(self, device_id: int) -> Device:
        """Raises DeviceNotFound."""
        async with self._reading() as repository:
            return await repository.get(device_id)

    async def devices(self, which: DeviceFilter, *, after: int, limit: int) -> Sequence[Device]:
        """At most `limit` devices in the order of their ids, from the one behind `after`."""
        async with self._reading() as repository:
            return await repository.devices(which, after, limit)

    async def logs(self, device_id: int, *, before: int | None, limit: int) -> Sequence[DeviceLog]:
        """At most `limit` lines of a device's history, newest first. Raises DeviceNotFound."""
        async with self._reading() as repository:
            await repository.get(device_id)
            return await repository.logs(device_id, before, limit)

    async def register(
        self,
        *,
        name: str,
        type: str,
        serial_number: str,
        location: str,
        specs: dict[str, Any],
        purchase_date: date | None,
        by: Caller,
        notes: str = "",
    ) -> tuple[Device, str]:
        """A new device in stock, and its secret, which is kept nowhere. Raises SerialNumberTaken."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        now = self._clock()
        device = Device(
            name=name,
            type=type,
            serial_number=serial_number,
            status=Status.IN_STOCK,
            location=location,
            specs=specs,
            purchase_date=purchase_date,
            version=1,
            created_at=now,
            updated_at=now,
        )
        async with self._transaction() as repository:
            await repository.add(device)
            await repository.record(device, Change("registered", None, Status.IN_STOCK), by, notes)
            repository.record_credential(device, hashlib.sha256(secret.encode()).digest())
        return device, secret

    async def deploy(
        self, device_id: int, location: str, *, by: Caller, notes: str = "", version: int | None = None
    ) -> Device:
        """Into the field. Raises DeviceNotFound, StaleVersion, InvalidTransition."""
        return await self._change(device_id, lambda device, now: device.deploy(location, now), by, notes, version)

    async def recall(
        self, device_id: int, location: str, *, by: Caller, notes: str = "", version: int | None = None
    ) -> Device:
        """Back to stock. Raises DeviceNotFound, StaleVersion, InvalidTransition."""
        return await self._change(device_id, lambda device, now: device.recall(location, now), by, notes, version)

    async def maintain(
        self, device_id: int, location: str, *, by: Caller, notes: str = "", version: int | None = None
    ) -> Device:
        """To the workshop. Raises DeviceNotFound, StaleVersion, InvalidTransition."""
        return await self._change(device_id, lambda device, now: device.maintain(location, now), by, notes, version)

    async def retire(self, device_id: int, *, by: Caller, notes: str = "", version: int | None = None) -> Device:
        """Out of use for good. Raises DeviceNotFound, StaleVersion, InvalidTransition."""
        return await self._change(device_id, lambda device, now: device.retire(now), by, notes, version)

    async def _change(
        self,
        device_id: int,
        action: Callable[[Device, datetime], Change],
        by: Caller,
        notes: str,
        version: int | None,
    ) -> Device:
        async with self._transaction() as repository:
            device = await repository.lock(device_id, version)
            await repository.record(device, action(device, self._clock()), by, notes)
        return device

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Repository]:
        async with self._database.reading() as session:
            yield Repository(session)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Repository]:
        async with self._database.transaction() as session:
            yield Repository(session)
