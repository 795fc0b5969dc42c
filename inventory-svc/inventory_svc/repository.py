"""Queries, and the rows that go with every change."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from inventory_svc import events
from inventory_svc.errors import DeviceNotFound, SerialNumberTaken
from inventory_svc.models import Change, Device, DeviceLog, User
from servicekit.access import Caller, Kind
from servicekit.errors import StaleVersion


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices a list is of; an empty field takes all."""

    status: str = ""
    type: str = ""
    # The location itself, or with a trailing `/*` what lies below it.
    location: str = ""
    # Prefix of the name or the serial number.
    prefix: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL; text is compared without case, in the form that the indexes have."""
        found: list[ColumnElement[bool]] = []
        if self.status:
            found.append(Device.status == self.status)
        if self.type:
            found.append(Device.type == self.type)
        if self.location.endswith("/*"):
            found.append(_starts_with(Device.location, self.location[:-1]))
        elif self.location:
            found.append(func.lower(Device.location) == func.lower(self.location))
        if self.prefix:
            found.append(or_(_starts_with(Device.name, self.prefix), _starts_with(Device.serial_number, self.prefix)))
        return found


class Repository:
    """Inventory's rows, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, device_id: int) -> Device:
        """Raises DeviceNotFound."""
        device = await self._session.get(Device, device_id)
        if device is None:
            raise DeviceNotFound(device_id=device_id)
        return device

    async def lock(self, device_id: int, version: int | None) -> Device:
        """The device, which nobody else changes until the transaction ends.

        Raises DeviceNotFound, StaleVersion when it is not at the `version` that was read.
        """
        device = await self._session.get(Device, device_id, with_for_update=True)
        if device is None:
            raise DeviceNotFound(device_id=device_id)
        if version is not None and device.version != version:
            raise StaleVersion(version=version, current=device.version)
        return device

    async def add(self, device: Device) -> None:
        """Raises SerialNumberTaken."""
        self._session.add(device)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if "ux_devices_serial_number" in str(error.orig):
                raise SerialNumberTaken(serial_number=device.serial_number) from error
            raise

    async def record(self, device: Device, change: Change, by: Caller, notes: str) -> None:
        """Writes the change's log row and its event, beside the change itself."""
        performer = await self._performer(by)
        log = DeviceLog(
            device_id=device.id,
            action=change.action,
            old_status=change.old_status,
            new_status=change.new_status,
            performer=performer,
            notes=notes,
            created_at=device.updated_at,
        )
        self._session.add(log)
        await self._session.flush()
        self._session.add(events.device_changed(device, log))

    def record_credential(self, device: Device, secret_sha256: bytes) -> None:
        """Writes the event by which auth learns of a device's new secret."""
        self._session.add(events.credential_changed(device, secret_sha256))

    async def devices(self, which: DeviceFilter, after: int, limit: int) -> Sequence[Device]:
        """In the order of their ids, from the one behind `after`."""
        query = select(Device).where(Device.id > after, *which.conditions()).order_by(Device.id).limit(limit)
        return (await self._session.scalars(query)).all()

    async def logs(self, device_id: int, before: int | None, limit: int) -> Sequence[DeviceLog]:
        """Newest first, from the one before `before`."""
        query = select(DeviceLog).where(DeviceLog.device_id == device_id).options(joinedload(DeviceLog.performer))
        if before is not None:
            query = query.where(DeviceLog.id < before)
        return (await self._session.scalars(query.order_by(DeviceLog.id.desc()).limit(limit))).all()

    async def _performer(self, by: Caller) -> User | None:
        if by.kind is not Kind.USER:
            return None
        user = await self._session.get(User, by.id)
        if user is None:
            # Somebody else's transaction may be writing the same user for the first time.
            await self._session.execute(insert(User).values(id=by.id, username=by.name).on_conflict_do_nothing())
            user = await self._session.get_one(User, by.id)
        if user.username != by.name:
            user.username = by.name
        return user


def _starts_with(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # Both sides in the database's own idea of lower case, which is not Python's for every letter.
    return func.lower(column).like(func.lower(f"{escaped}%"))
