"""Who guesses passwords waits longer and longer, at whichever replica, and whether there is such a user or not."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from auth_svc.errors import LoginsThrottled
from auth_svc.models import FAILURES_FORGOTTEN_AFTER, LoginFailures, User
from auth_svc.repository import Repository, Transaction


class Attempts:
    """The wrong passwords of every name."""

    def __init__(self, transaction: Transaction, clock: Callable[[], datetime]) -> None:
        self._transaction = transaction
        self._clock = clock

    async def check(self, repository: Repository, user: User | None, name: str) -> None:
        """Raises LoginsThrottled when a try for this user, or for a name that is nobody's, has to wait."""
        self._check(await repository.login_failures(_sha256(user, name)))

    async def settle(self, user: User | None, name: str, *, right: bool) -> None:
        """Counts what came of a try, before anybody is told.

        Raises LoginsThrottled when others that ran beside it have used up what was free: so many tries at once tell no
        more than one after the other.
        """
        async with self._transaction() as repository:
            failures = await repository.lock_login_failures(_sha256(user, name), make=not right)
            if failures is None:
                return
            self._check(failures)
            if right:
                await repository.forget_login_failures(failures)
            else:
                now = self._clock()
                failures.fail(now)
                await repository.sweep_login_failures(now - FAILURES_FORGOTTEN_AFTER)

    def _check(self, failures: LoginFailures | None) -> None:
        wait = failures.wait(self._clock()).total_seconds() if failures else 0
        if wait:
            raise LoginsThrottled(seconds=f"{wait:.0f}" if wait > 1 else "1", retry_after=wait)


def _sha256(user: User | None, name: str) -> bytes:
    # A hash: people do type their password into the field of the name.
    key = f"user {user.id}" if user else f"nobody {name.lower()}"
    return hashlib.sha256(key.encode()).digest()
