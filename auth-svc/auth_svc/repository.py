"""Queries, and the rows that go with every change."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, String, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth_svc import events
from auth_svc.errors import ServiceAccountNameTaken, ServiceAccountNotFound, UsernameTaken, UserNotFound
from auth_svc.models import (
    ADMIN,
    DeviceNews,
    DevicePrincipal,
    LoginFailures,
    RefreshToken,
    Revocation,
    ServiceAccount,
    Session,
    SigningKey,
    User,
)
from servicekit.access import LONGEST_TOKEN_SECONDS
from servicekit.database import Database
from servicekit.errors import StaleVersion

# Rows that are over, removed by the by with each new one; more than one, so that they get fewer.
SWEPT_AT_ONCE = 20

# Of many devices at once, by columns: one statement, however many they are.
PRINCIPALS: Any = DevicePrincipal.__table__
DEVICE_NEWS = {"device_id": Integer, "serial_number": String, "status": String, "device_version": Integer}
_TOLD = func.unnest(*(bindparam(name, type_=ARRAY(column)) for name, column in DEVICE_NEWS.items()))
_TAKEN = insert(PRINCIPALS).from_select(
    [*DEVICE_NEWS], select(*_TOLD.table_valued(*DEVICE_NEWS).render_derived().columns)
)
TAKE_DEVICES = _TAKEN.on_conflict_do_update(
    index_elements=["device_id"],
    set_={name: _TAKEN.excluded[name] for name in DEVICE_NEWS if name != "device_id"},
    where=PRINCIPALS.c.device_version < _TAKEN.excluded.device_version,
).returning(PRINCIPALS.c.device_id)

Transaction = Callable[[], AbstractAsyncContextManager["Repository"]]


def transactions(database: Database) -> Transaction:
    """What opens a transaction on auth's rows."""

    @asynccontextmanager
    async def transaction() -> AsyncIterator[Repository]:
        async with database.transaction() as session:
            yield Repository(session)

    return transaction


class Repository:
    """Auth's rows, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def alone(self, lock: int) -> None:
        """Waits until no other transaction holds this lock, and holds it until this one ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(lock)))

    def add(self, row: RefreshToken | SigningKey) -> None:
        """Writes a new row; a token's with that of its session."""
        self._session.add(row)

    async def has_users(self) -> bool:
        """Whether there is any user at all."""
        return bool(await self._session.scalar(select(exists().select_from(User))))

    async def user_named(self, username: str) -> User | None:
        """Without regard to case."""
        return await self._session.scalar(select(User).where(func.lower(User.username) == func.lower(username)))

    async def user(self, user_id: int) -> User:
        """Raises UserNotFound."""
        user = await self._session.get(User, user_id)
        if user is None:
            raise UserNotFound(user_id=user_id)
        return user

    async def users(self, active: bool | None, after: int, limit: int) -> Sequence[User]:
        """In the order of their ids, from the one behind `after`."""
        query = select(User).where(User.id > after).order_by(User.id).limit(limit)
        if active is not None:
            query = query.where(User.active == active)
        return (await self._session.scalars(query)).all()

    async def lock_user(self, user_id: int, version: int | None = None) -> User:
        """A user, whom nobody else changes until the transaction ends.

        Raises UserNotFound, StaleVersion when they are not at the `version` that was read.
        """
        user = await self._session.get(User, user_id, with_for_update=True)
        if user is None:
            raise UserNotFound(user_id=user_id)
        if version is not None and user.version != version:
            raise StaleVersion(version=version, current=user.version)
        return user

    async def has_other_admin(self, user_id: int) -> bool:
        """Whether somebody else can manage users."""
        others = exists().where(User.id != user_id, User.active, User.role == ADMIN)
        return bool(await self._session.scalar(select(others)))

    async def add_user(self, user: User) -> None:
        """Writes a new user, and the event of it. Raises UsernameTaken."""
        self._session.add(user)
        await self.record_user(events.CREATED, user)

    async def record_user(self, key: str, user: User) -> None:
        """Writes a user's change, and the event of it. Raises UsernameTaken."""
        # Read now: a flush that fails takes the row's values with it.
        username = user.username
        try:
            await self._session.flush()
        except IntegrityError as error:
            if "ux_users_username" in str(error.orig):
                raise UsernameTaken(username=username) from error
            raise
        self._session.add(events.user_changed(key, user))

    async def end_sessions(self, user_id: int, now: datetime, but: UUID | None = None) -> None:
        """Revokes all sessions of a user, whom this transaction has locked."""
        mine = update(Session).where(Session.user_id == user_id, Session.revoked_at.is_(None))
        await self._session.execute((mine.where(Session.id != but) if but else mine).values(revoked_at=now))

    async def record_revocation(self, principal: str, now: datetime) -> None:
        """Writes that tokens issued so far are good no more, and the event of it."""
        latest = insert(Revocation).values(principal=principal, issued_before=now)
        issued_before = func.greatest(Revocation.issued_before, latest.excluded.issued_before)
        latest = latest.on_conflict_do_update(index_elements=["principal"], set_={"issued_before": issued_before})
        revocation = (await self._session.scalars(latest.returning(Revocation))).one()
        self._session.add(events.principal_revoked(revocation))
        over = select(Revocation.principal).where(Revocation.issued_before < _oldest(now))
        swept = over.limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
        await self._session.execute(delete(Revocation).where(Revocation.principal.in_(swept)))

    async def revocations(self, now: datetime, after: str, limit: int) -> Sequence[Revocation]:
        """Those that may concern a token still in date, in the order of their principals, from behind `after`."""
        query = select(Revocation).where(Revocation.principal > after, Revocation.issued_before >= _oldest(now))
        return (await self._session.scalars(query.order_by(Revocation.principal).limit(limit))).all()

    async def login_failures(self, name_sha256: bytes) -> LoginFailures | None:
        """As they were a moment ago."""
        return await self._session.get(LoginFailures, name_sha256)

    async def lock_login_failures(self, name_sha256: bytes, *, make: bool) -> LoginFailures | None:
        """Those of a name, which nobody else counts until the transaction ends; `make`: also when there are none."""
        if not make:
            return await self._session.get(LoginFailures, name_sha256, with_for_update=True)
        # An update that changes nothing: it locks, where DO NOTHING would let somebody remove the row meanwhile.
        row = insert(LoginFailures).values(name_sha256=name_sha256)
        row = row.on_conflict_do_update(index_elements=["name_sha256"], set_={"failures": LoginFailures.failures})
        return (await self._session.scalars(row.returning(LoginFailures))).one()

    async def forget_login_failures(self, failures: LoginFailures) -> None:
        """As if there had been none."""
        await self._session.delete(failures)

    async def sweep_login_failures(self, before: datetime) -> None:
        """Removes some of those that are of no consequence any more."""
        over = select(LoginFailures.name_sha256).where(LoginFailures.last_failed_at < before)
        swept = over.limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
        await self._session.execute(delete(LoginFailures).where(LoginFailures.name_sha256.in_(swept)))

    async def lock_session_of(self, token_sha256: bytes) -> tuple[Session, RefreshToken] | None:
        """A refresh token and its session, which nobody else changes until the transaction ends; nor the user."""
        mine = select(Session.id, Session.user_id).join(RefreshToken).where(RefreshToken.sha256 == token_sha256)
        found = (await self._session.execute(mine)).one_or_none()
        if found is None:
            return None
        # The user first, as whoever ends a user's sessions does.
        await self._session.get(User, found.user_id, with_for_update={"read": True})
        session = await self._session.scalar(select(Session).where(Session.id == found.id).with_for_update())
        # Read only after the lock is had: whoever held it before may have used the token.
        token = await self._session.get(RefreshToken, token_sha256)
        return (session, token) if session and token else None

    async def forget_sessions(self, user_id: int, now: datetime) -> None:
        """Removes a user's sessions that have expired."""
        await self._session.execute(delete(Session).where(Session.user_id == user_id, Session.expires_at <= now))

    async def forget_tokens(self, session: Session, now: datetime) -> None:
        """Removes a session's tokens that have expired."""
        expired = delete(RefreshToken).where(RefreshToken.session_id == session.id, RefreshToken.expires_at <= now)
        await self._session.execute(expired)

    async def principals_with(self, serial_number: str) -> Sequence[DevicePrincipal]:
        """Without regard to case."""
        query = select(DevicePrincipal).where(func.lower(DevicePrincipal.serial_number) == func.lower(serial_number))
        return (await self._session.scalars(query)).all()

    async def take_devices(self, devices: Sequence[DeviceNews]) -> Collection[int]:
        """Writes what events say of devices, unless something as new is known; the ids of those it was news of."""
        # One row each, and always in the same order, so that nobody waits for one who waits for them.
        newest = {one.device_id: one for one in sorted(devices, key=lambda one: (one.device_id, one.version))}
        columns = list(zip(*(astuple(one) for one in newest.values()), strict=True))
        if not columns:
            return []
        return (
            await self._session.scalars(TAKE_DEVICES, dict(zip(DEVICE_NEWS, map(list, columns), strict=True)))
        ).all()

    async def lock_principal(self, device_id: int) -> DevicePrincipal:
        """The device's principal, made when there is none, which nobody else changes until the transaction ends."""
        known: dict[str, Any] = {"with_for_update": True, "populate_existing": True}
        principal = await self._session.get(DevicePrincipal, device_id, **known)
        if principal is None:
            # Of two that find none, one makes it, and the other waits for it.
            await self._session.execute(insert(DevicePrincipal).values(device_id=device_id).on_conflict_do_nothing())
            principal = await self._session.get_one(DevicePrincipal, device_id, **known)
        return principal

    async def hold_principal(self, device_id: int) -> DevicePrincipal:
        """A principal that there is, as it will be until the transaction ends."""
        held = {"read": True}
        return await self._session.get_one(DevicePrincipal, device_id, with_for_update=held, populate_existing=True)

    def record_refusal(self, principal: DevicePrincipal, now: datetime) -> None:
        """Writes the event by which others learn that a device was refused."""
        self._session.add(events.credential_refused(principal, now))

    async def service_accounts(self, after: int, limit: int) -> Sequence[ServiceAccount]:
        """In the order of their ids, from the one behind `after`."""
        query = select(ServiceAccount).where(ServiceAccount.id > after).order_by(ServiceAccount.id).limit(limit)
        return (await self._session.scalars(query)).all()

    async def add_service_account(self, account: ServiceAccount) -> None:
        """Raises ServiceAccountNameTaken."""
        self._session.add(account)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if "ux_service_accounts_name" in str(error.orig):
                raise ServiceAccountNameTaken(name=account.name) from error
            raise

    async def service_account_named(self, name: str) -> ServiceAccount | None:
        """Without regard to case."""
        query = select(ServiceAccount).where(func.lower(ServiceAccount.name) == func.lower(name))
        return await self._session.scalar(query)

    async def lock_service_account(self, account_id: int) -> ServiceAccount:
        """Raises ServiceAccountNotFound."""
        account = await self._session.get(ServiceAccount, account_id, with_for_update=True, populate_existing=True)
        if account is None:
            raise ServiceAccountNotFound(account_id=account_id)
        return account

    async def signing_keys(self) -> list[SigningKey]:
        """In the order in which they sign."""
        return list(await self._session.scalars(select(SigningKey).order_by(SigningKey.signs_from, SigningKey.kid)))

    async def forget_key(self, key: SigningKey) -> None:
        """Removes a key that verifies nothing any more."""
        await self._session.delete(key)


def _oldest(now: datetime) -> datetime:
    return now - timedelta(seconds=LONGEST_TOKEN_SECONDS)
