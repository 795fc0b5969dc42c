"""Whether somebody is one of the users; and the first of them."""

from collections.abc import Callable
from datetime import datetime

from auth_svc.attempts import Attempts
from auth_svc.errors import InvalidCredentials
from auth_svc.models import ADMIN, User
from auth_svc.passwords import Passwords, read_password
from auth_svc.repository import Transaction
from servicekit.fields import Fields

# The advisory lock under which the first user is made: of several replicas' migrations, one makes it.
FIRST_USER_LOCK = 0x75736572
LONGEST_USERNAME = 100


def read_credentials(username: str, password: str) -> tuple[str, str]:
    """Both, in the form in which they are kept and compared. Raises InvalidFields."""
    fields = Fields()
    username = fields.text("username", username, longest=LONGEST_USERNAME, required=True)
    password = read_password(fields, password)
    fields.check()
    return username, password


class Accounts:
    """Everybody who may log in."""

    def __init__(self, transaction: Transaction, passwords: Passwords, clock: Callable[[], datetime]) -> None:
        self._transaction = transaction
        self._passwords = passwords
        self._clock = clock
        self._attempts = Attempts(transaction, clock)

    async def authenticate(self, username: str, password: str) -> User:
        """The active user of that name and password.

        Raises InvalidCredentials, which does not tell what of them was wrong, InvalidFields, TooManyLogins,
        LoginsThrottled.
        """
        username, password = read_credentials(username, password)
        async with self._transaction() as repository:
            user = await repository.user_named(username)
            await self._attempts.check(repository, user, username)
        return await self._prove(user, username, password)

    async def prove(self, user_id: int, password: str) -> User:
        """The active user of that id and password. Raises as `authenticate`."""
        async with self._transaction() as repository:
            user = await repository.user(user_id)
            await self._attempts.check(repository, user, user.username)
        return await self._prove(user, user.username, password)

    async def make_first(self, username: str, password: str) -> bool:
        """Makes the first user, an admin, unless there is a user already; returns whether it did.

        Raises InvalidFields.
        """
        async with self._transaction() as repository:
            await repository.alone(FIRST_USER_LOCK)
            if await repository.has_users():
                return False
            username, password = read_credentials(username, password)
            now = self._clock()
            await repository.add_user(
                User(
                    username=username,
                    password_hash=await self._passwords.hash(password),
                    role=ADMIN,
                    active=True,
                    version=1,
                    created_at=now,
                    updated_at=now,
                )
            )
            return True

    async def _prove(self, user: User | None, username: str, password: str) -> User:
        # No transaction is open meanwhile: logins would use up the pool's connections.
        right = await self._passwords.verify(password, user.password_hash if user else None)
        right = right and user is not None and user.active
        await self._attempts.settle(user, username, right=right)
        if user is None or not right:
            raise InvalidCredentials
        if self._passwords.outdated(user.password_hash):
            await self._rehash(user, password)
        return user

    async def _rehash(self, user: User, password: str) -> None:
        password_hash = await self._passwords.hash(password)
        async with self._transaction() as repository:
            current = await repository.lock_user(user.id)
            # Else it was changed since, and this is the old password's.
            if current.password_hash == user.password_hash:
                current.password_hash = password_hash
