"""Queries, and the rows that go with every change."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth_svc import events
from auth_svc.models import DevicePrincipal, RefreshToken, Session, SigningKey, User
from servicekit.database import Database

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

    def add(self, row: User | RefreshToken | SigningKey) -> None:
        """Writes a new row; a token's with that of its session."""
        self._session.add(row)

    async def has_users(self) -> bool:
        """Whether there is any user at all."""
        return bool(await self._session.scalar(select(exists().select_from(User))))

    async def user_named(self, username: str) -> User | None:
        """Without regard to case."""
        return await self._session.scalar(select(User).where(func.lower(User.username) == func.lower(username)))

    async def user(self, user_id: int) -> User:
        """A user that there is."""
        return await self._session.get_one(User, user_id)

    async def lock_user(self, user_id: int) -> User:
        """A user that there is, whom nobody else changes until the transaction ends."""
        return await self._session.get_one(User, user_id, with_for_update=True)

    async def lock_session_of(self, token_sha256: bytes) -> tuple[Session, RefreshToken] | None:
        """A refresh token and its session, which nobody else changes until the transaction ends."""
        mine = select(RefreshToken.session_id).where(RefreshToken.sha256 == token_sha256).scalar_subquery()
        session = await self._session.scalar(select(Session).where(Session.id == mine).with_for_update())
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

    async def lock_principal(self, device_id: int) -> DevicePrincipal:
        """The device's principal, made when there is none, which nobody else changes until the transaction ends."""
        await self._session.execute(insert(DevicePrincipal).values(device_id=device_id).on_conflict_do_nothing())
        return await self._session.get_one(DevicePrincipal, device_id, with_for_update=True, populate_existing=True)

    def record_refusal(self, principal: DevicePrincipal, now: datetime) -> None:
        """Writes the event by which others learn that a device was refused."""
        self._session.add(events.credential_refused(principal, now))

    async def signing_keys(self) -> list[SigningKey]:
        """In the order in which they sign."""
        return list(await self._session.scalars(select(SigningKey).order_by(SigningKey.signs_from, SigningKey.kid)))

    async def forget_key(self, key: SigningKey) -> None:
        """Removes a key that verifies nothing any more."""
        await self._session.delete(key)
