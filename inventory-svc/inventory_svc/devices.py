"""Devices and their way through the lifecycle: each use case one transaction or statement, with its event inside."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

from inventory_svc.errors import DeviceRetired
from inventory_svc.models import Change, Device, DeviceLog, Status
from inventory_svc.repository.devices import DeviceRepository
from inventory_svc.repository.listing import DeviceFilter, Order, Position
from servicekit.access import Caller
from servicekit.database import Database
from servicekit.errors import InvalidField

SECRET_BYTES = 32


class Devices:
    """The register of all devices."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        # Who performed something since this process started: each change would otherwise look up its performer.
        self._performers: dict[int, str] = {}

    async def get(self, device_id: int) -> Device:
        """Raises DeviceNotFound."""
        async with self._single() as repository:
            return await repository.get(device_id)

    async def page(self, which: DeviceFilter, order: Order, *, after: Position | None, limit: int) -> Sequence[Device]:
        """At most `limit` devices in that order, from the one behind `after`."""
        async with self._single() as repository:
            return await repository.devices(which, order, after, limit)

    async def ids(self, which: DeviceFilter, *, limit: int) -> Sequence[int]:
        """At most `limit` ids of devices that a filter takes."""
        async with self._single() as repository:
            return await repository.ids(which, limit)

    async def logs(self, device_id: int, *, before: int | None, limit: int) -> Sequence[DeviceLog]:
        """At most `limit` lines of a device's history, newest first. Raises DeviceNotFound."""
        async with self._single() as repository:
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
        secret, digest = _new_secret()
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
            repository.record_credential(device, digest)
        return device, secret

    async def update(
        self, device_id: int, values: Mapping[str, Any], *, by: Caller, notes: str = "", version: int | None = None
    ) -> Device:
        """Corrects some of name, type, serial_number, specs, purchase_date. What is so already stays at its version.

        Raises DeviceNotFound, StaleVersion, SerialNumberTaken.
        """
        async with self._transaction() as repository:
            device = await repository.look(device_id, version, lock=True)
            change = device.update(values, self._clock())
            if change is not None:
                await repository.update(device)
                await repository.record(device, change, by, notes)
        return device

    async def renew_credential(self, device_id: int, *, by: Caller, version: int | None = None) -> tuple[Device, str]:
        """A new secret, which is kept nowhere; every earlier one stops working.

        Raises DeviceNotFound, StaleVersion, DeviceRetired.
        """
        secret, digest = _new_secret()
        async with self._transaction() as repository:
            device = await repository.look(device_id, version, lock=True)
            if device.status == Status.RETIRED:
                raise DeviceRetired(device_id=device_id)
            await repository.record(device, device.renew_credential(self._clock()), by, "credential renewed")
            repository.record_credential(device, digest)
        return device, secret

    async def deploy(
        self,
        device_id: int,
        location: str,
        *,
        by: Caller,
        reserved_for: str = "",
        override: bool = False,
        notes: str = "",
        version: int | None = None,
    ) -> Device:
        """Into the field. Raises DeviceNotFound, StaleVersion, InvalidTransition, ReservedForAnother."""

        def deploy(device: Device, now: datetime) -> Change:
            return device.deploy(location, now, reserved_for=reserved_for, override=override)

        return await self._change(device_id, deploy, by, notes, version)

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
        async with self._transaction() as repository:
            device = await repository.look(device_id, version, lock=True)
            await repository.record(device, device.retire(self._clock()), by, notes)
        return device

    async def reserve(
        self,
        device_id: int,
        reserved_for: str,
        until: datetime | None,
        *,
        by: Caller,
        notes: str = "",
        version: int | None = None,
    ) -> Device:
        """Aside for somebody. Raises InvalidField (past), DeviceNotFound, StaleVersion, InvalidTransition."""
        if until is not None and until <= self._clock():
            raise InvalidField("until", "must be in the future")
        return await self._change(
            device_id, lambda device, now: device.reserve(reserved_for, until, now), by, notes, version
        )

    async def relocate(
        self, device_id: int, location: str, *, by: Caller, notes: str = "", version: int | None = None
    ) -> Device:
        """Elsewhere, doing what it does. Raises DeviceNotFound, StaleVersion, RetiredStays."""
        return await self._change(device_id, lambda device, now: device.relocate(location, now), by, notes, version)

    async def release_expired(self, limit: int) -> int:
        """Releases at most `limit` devices whose reservation is over; returns how many. Replicas may do it at once."""
        now = self._clock()
        async with self._transaction() as repository:
            over = await repository.over(now, limit)
            for device in over:
                notes = f"reserved for {device.reserved_for} until {device.reserved_until:%Y-%m-%d %H:%M} UTC"
                await repository.record(device, device.recall(device.location, now), None, notes)
        return len(over)

    async def _change(
        self,
        device_id: int,
        action: Callable[[Device, datetime], Change],
        by: Caller,
        notes: str,
        version: int | None,
    ) -> Device:
        """A change of the device alone: a look at it, and one statement, which needs no transaction around it. Should
        somebody else be faster, it is looked at again: at least theirs is done then, so somebody always gets on."""
        while True:
            async with self._single() as repository:
                device = await repository.look(device_id, version)
                if await repository.record(device, action(device, self._clock()), by, notes):
                    return device

    @asynccontextmanager
    async def _single(self) -> AsyncIterator[DeviceRepository]:
        async with self._database.single() as session:
            yield (repository := DeviceRepository(session, self._performers))
        self._performers |= repository.named

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[DeviceRepository]:
        async with self._database.transaction() as session:
            yield (repository := DeviceRepository(session, self._performers))
        self._performers |= repository.named


def _new_secret() -> tuple[str, bytes]:
    """A secret, and the hash that auth keeps of it."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return secret, hashlib.sha256(secret.encode()).digest()
