"""Users, as they are managed: each use case one transaction, with its event inside."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from auth_svc import events
from auth_svc.accounts import Accounts
from auth_svc.errors import InvalidCredentials, LastAdmin
from auth_svc.models import ADMIN, User
from auth_svc.passwords import Passwords
from auth_svc.repository import Repository, Transaction
from servicekit.access import Kind

# The advisory lock under which an admin may cease to be one: two who do so to each other do it one after the other.
ADMINS_LOCK = 0x61646D6E


class Users:
    """Everybody who signs in, or did."""

    def __init__(
        self, transaction: Transaction, accounts: Accounts, passwords: Passwords, clock: Callable[[], datetime]
    ) -> None:
        self._transaction = transaction
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock

    async def get(self, user_id: int) -> User:
        """Raises UserNotFound."""
        async with self._transaction() as repository:
            return await repository.user(user_id)

    async def page(self, active: bool | None, *, after: int, limit: int) -> Sequence[User]:
        """At most `limit` users in the order of their ids, from the one behind `after`."""
        async with self._transaction() as repository:
            return await repository.users(active, after, limit)

    async def create(self, username: str, password: str, role: str) -> User:
        """Raises UsernameTaken, TooManyLogins."""
        now = self._clock()
        user = User(
            username=username,
            password_hash=await self._passwords.hash(password),
            role=role,
            active=True,
            version=1,
            created_at=now,
            updated_at=now,
        )
        async with self._transaction() as repository:
            await repository.add_user(user)
        return user

    async def change_password(self, user_id: int, session: UUID | None, current: str, new: str) -> None:
        """Changes a user's own password, and ends their sessions but this one.

        Raises InvalidCredentials, TooManyLogins, LoginsThrottled.
        """
        proven = await self._accounts.prove(user_id, current)
        password_hash = await self._passwords.hash(new)
        async with self._transaction() as repository:
            user = await repository.lock_user(user_id)
            # It changed while we were at the hashes: what we verified is not so any more.
            if user.version != proven.version:
                raise InvalidCredentials
            now = self._clock()
            user.password_hash = password_hash
            user.changed(now)
            await repository.end_sessions(user_id, now, but=session)
            await repository.record_user(events.UPDATED, user)

    async def update(
        self,
        user_id: int,
        *,
        username: str | None = None,
        role: str | None = None,
        password: str | None = None,
        active: bool | None = None,
        version: int | None = None,
    ) -> User:
        """Changes what is given. A new role or password, and an end of being active, end the user's sessions.

        Raises UserNotFound, StaleVersion, UsernameTaken, LastAdmin, TooManyLogins.
        """
        password_hash = await self._passwords.hash(password) if password is not None else None
        async with self._transaction() as repository:
            await repository.alone(ADMINS_LOCK)
            user = await repository.lock_user(user_id, version)
            given = {"username": username, "role": role, "password_hash": password_hash, "active": active}
            changes = {
                name: value for name, value in given.items() if value is not None and value != getattr(user, name)
            }
            if changes:
                await self._apply(repository, user, changes)
        return user

    async def deactivate(self, user_id: int, *, version: int | None = None) -> User:
        """Ends a user's sessions and lets them sign in no more; one who cannot anyway stays as they are.

        Raises UserNotFound, StaleVersion, LastAdmin.
        """
        async with self._transaction() as repository:
            await repository.alone(ADMINS_LOCK)
            user = await repository.lock_user(user_id)
            if user.active:
                await repository.lock_user(user_id, version)
                await self._apply(repository, user, {"active": False})
        return user

    async def _apply(self, repository: Repository, user: User, changes: dict[str, object]) -> None:
        stays_admin = changes.get("role", user.role) == ADMIN and changes.get("active", user.active)
        if user.is_admin and not stays_admin and not await repository.has_other_admin(user.id):
            raise LastAdmin(user_id=user.id)
        # Only now, with the locks had: see AccessTokens.issue.
        now = self._clock()
        for name, value in changes.items():
            setattr(user, name, value)
        user.changed(now)
        await repository.record_user(events.DEACTIVATED if changes.get("active") is False else events.UPDATED, user)
        if "role" in changes or "password_hash" in changes or changes.get("active") is False:
            await repository.end_sessions(user.id, now)
            await repository.record_revocation(f"{Kind.USER}:{user.id}", now)
