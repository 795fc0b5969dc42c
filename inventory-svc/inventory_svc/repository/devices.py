"""Devices, and the rows that go with every change of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import BindParameter, Integer, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from inventory_svc import events
from inventory_svc.errors import DeviceNotFound, SerialNumberTaken
from inventory_svc.models import Base, Change, Device, DeviceLog, Outbox, Status, User
from inventory_svc.repository.device_settings import tell_watches
from inventory_svc.repository.device_types import ensure_type
from inventory_svc.repository.listing import DeviceFilter, Order, Position, matching, page_of_few
from servicekit.access import Caller, Kind
from servicekit.errors import StaleVersion

# So many are put in order within some 20 ms.
FEW = 20_000

DEVICES: Any = Device.__table__
LOGS: Any = DeviceLog.__table__
OUTBOX: Any = Outbox.__table__
LOG_COLUMNS = [column.key for column in LOGS.columns]
EVENT_COLUMNS = ["event_id", "key", "body"]
# What the lifecycle changes of a device.
LIFECYCLE_COLUMNS = [
    "status",
    "location",
    "deploy_date",
    "last_maintenance",
    "reserved_for",
    "reserved_until",
    "version",
    "updated_at",
]
NEXT_LOG_ID = func.nextval("t_device_logs_id_seq")


def _parameters(prefix: str, table: Any, columns: Sequence[str]) -> dict[str, BindParameter[Any]]:
    """As they are bound: `log_action`, `device_status`, …"""
    return {name: bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in columns}


_LOG = _parameters("log", LOGS, LOG_COLUMNS)
_EVENT = _parameters("event", OUTBOX, EVENT_COLUMNS)
LOG_AND_EVENT = insert(OUTBOX).values(_EVENT).add_cte(insert(LOGS).values(_LOG).cte("logged"))
# Of the version before, or of none; then neither log nor event is written. The outbox draws its id behind the row's
# lock, so events of a device are in the order of its versions.
_CHANGED = (
    update(DEVICES)
    .where(Device.id == bindparam("device_id"), Device.version == bindparam("device_version", type_=Integer) - 1)
    .values(_parameters("device", DEVICES, LIFECYCLE_COLUMNS))
    .returning(Device.id)
    .cte("changed")
)
CHANGE_LOG_AND_EVENT = (
    insert(OUTBOX)
    .from_select(EVENT_COLUMNS, select(*_EVENT.values()).select_from(_CHANGED))
    .add_cte(insert(LOGS).from_select(LOG_COLUMNS, select(*_LOG.values()).select_from(_CHANGED)).cte("logged"))
    .returning(OUTBOX.c.id)
)


def _bound(prefix: str, row: Base, columns: Sequence[str]) -> dict[str, Any]:
    return {f"{prefix}_{name}": getattr(row, name) for name in columns}


class DeviceRepository:
    """Devices, within one transaction, or each statement on its own."""

    def __init__(self, session: AsyncSession, stored: Mapping[int, str]) -> None:
        """`stored`: names of users, by their ids, that are known to be in the database."""
        self._session = session
        self._stored = stored
        # Of users, likewise, once the transaction is committed.
        self.named: dict[int, str] = {}
        # The log's next ids, by the device that was locked as they were drawn.
        self._log_ids: dict[int, int] = {}

    async def get(self, device_id: int) -> Device:
        """Raises DeviceNotFound."""
        device = await self._session.get(Device, device_id)
        if device is None:
            raise DeviceNotFound(device_id=device_id)
        return device

    async def look(self, device_id: int, version: int | None, *, lock: bool = False) -> Device:
        """The device, to be changed; `lock`: nobody else changes it until the transaction ends.

        Raises DeviceNotFound, StaleVersion when it is not at the `version` that was read.
        """
        query = select(Device, NEXT_LOG_ID).where(Device.id == device_id)
        found = (await self._session.execute(query.with_for_update(of=Device) if lock else query)).one_or_none()
        if found is None:
            raise DeviceNotFound(device_id=device_id)
        device, self._log_ids[device_id] = found
        if version is not None and device.version != version:
            raise StaleVersion(version=version, current=device.version)
        return device

    async def add(self, device: Device) -> None:
        """A new device; its type too, if it is the first. Raises SerialNumberTaken."""
        await ensure_type(self._session, device.type, device.created_at)
        self._session.add(device)
        await self.check_serial_number(device)

    async def update(self, device: Device) -> None:
        """Of what was changed of it. Raises SerialNumberTaken."""
        # Before the query for its type, which would write it too, and find the number taken with nobody to say so.
        await self.check_serial_number(device)
        await ensure_type(self._session, device.type, device.updated_at)

    async def check_serial_number(self, device: Device) -> None:
        """Raises SerialNumberTaken."""
        # An error ends the session, and a device that it expired can tell nothing.
        serial_number = device.serial_number
        try:
            await self._session.flush()
        except IntegrityError as error:
            if "ux_devices_serial_number" in str(error.orig):
                raise SerialNumberTaken(serial_number=serial_number) from error
            raise

    async def record(self, device: Device, change: Change, by: Caller | None, notes: str) -> bool:
        """Writes a change with its log row and its event, all in one statement: one after another they would take more
        time than all else that a change does. `by`: None for the system.

        False: somebody else changed the device since it was looked at, and nothing was written.
        """
        performer = await self._performer(by) if by else None
        log_id = self._log_ids.pop(device.id, None) or await self._session.scalar(select(NEXT_LOG_ID))
        log = DeviceLog(
            id=log_id,
            device_id=device.id,
            action=change.action,
            old_status=change.old_status,
            new_status=change.new_status,
            performed_by=performer and performer.id,
            notes=notes,
            created_at=device.updated_at,
        )
        set_committed_value(log, "performer", performer)
        event = events.device_changed(device, log)
        values = _bound("log", log, LOG_COLUMNS)
        values |= {"event_event_id": uuid4(), "event_key": event.key, "event_body": event.body}
        if device in self._session.dirty:
            self._session.expunge(device)
            values |= _bound("device", device, ["id", *LIFECYCLE_COLUMNS])
            if await self._session.scalar(CHANGE_LOG_AND_EVENT, values) is None:
                return False
        else:
            await self._session.execute(LOG_AND_EVENT, values)
        if device.status == Status.RETIRED:
            await tell_watches(self._session, device.id)
        return True

    def record_credential(self, device: Device, secret_sha256: bytes) -> None:
        """Writes the event by which auth learns of a device's new secret."""
        self._session.add(events.credential_changed(device, secret_sha256))

    async def devices(self, which: DeviceFilter, order: Order, after: Position | None, limit: int) -> Sequence[Device]:
        """In that order, from the one behind `after`."""
        if which.searches and await self._are_few(which):
            query = page_of_few(which, order, after, limit)
        else:
            query = order.page(Device, matching(which), after, limit)
        return (await self._session.scalars(query)).all()

    async def _are_few(self, which: DeviceFilter) -> bool:
        some = matching(which).with_only_columns(Device.id).limit(FEW + 1).subquery()
        return (await self._session.scalar(select(func.count()).select_from(some)) or 0) <= FEW

    async def ids(self, which: DeviceFilter, limit: int) -> Sequence[int]:
        """At most `limit` ids of the devices that a filter takes."""
        return (await self._session.scalars(matching(which).with_only_columns(Device.id).limit(limit))).all()

    async def over(self, now: datetime, limit: int) -> Sequence[Device]:
        """Devices whose reservation is over, and that no other replica is about to release."""
        query = (
            select(Device)
            .where(Device.reserved_until <= now, Device.status == Status.RESERVED)
            .order_by(Device.reserved_until)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self._session.scalars(query)).all()

    async def logs(self, device_id: int, before: int | None, limit: int) -> Sequence[DeviceLog]:
        """Newest first, from the one before `before`."""
        query = select(DeviceLog).where(DeviceLog.device_id == device_id).options(joinedload(DeviceLog.performer))
        if before is not None:
            query = query.where(DeviceLog.id < before)
        return (await self._session.scalars(query.order_by(DeviceLog.id.desc()).limit(limit))).all()

    async def _performer(self, by: Caller) -> User | None:
        """Who did it, as the log knows users; their name of today."""
        if by.kind is not Kind.USER:
            return None
        if self._stored.get(by.id) != by.name:
            user = insert(User).values(id=by.id, username=by.name)
            renamed = {"set_": {"username": by.name}, "where": User.username != by.name}
            await self._session.execute(user.on_conflict_do_update(index_elements=["id"], **renamed))
            self.named[by.id] = by.name
        return User(id=by.id, username=by.name)
