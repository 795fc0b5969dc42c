"""Service accounts: principals that are no persons, and what they prove themselves with."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from auth_svc.access_tokens import AccessTokens
from auth_svc.errors import InvalidCredentials
from auth_svc.models import ServiceAccount, ServiceKind
from auth_svc.repository import Transaction
from servicekit.access import Kind

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """An access token of a service account."""

    access_token: str
    expires_in: int


class ServiceAccounts:
    """Every service account."""

    def __init__(
        self, transaction: Transaction, tokens: AccessTokens, clock: Callable[[], datetime], *, token_seconds: int
    ) -> None:
        self._transaction = transaction
        self._tokens = tokens
        self._clock = clock
        self._token_seconds = token_seconds

    async def page(self, *, after: int, limit: int) -> Sequence[ServiceAccount]:
        """At most `limit` accounts in the order of their ids, from the one behind `after`."""
        async with self._transaction() as repository:
            return await repository.service_accounts(after, limit)

    async def create(self, name: str, kind: ServiceKind) -> tuple[ServiceAccount, str]:
        """A new account, and its secret, which is kept nowhere. Raises ServiceAccountNameTaken."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        account = ServiceAccount(name=name, kind=kind, secret_sha256=_sha256(secret), created_at=self._clock())
        async with self._transaction() as repository:
            await repository.add_service_account(account)
        return account, secret

    async def revoke(self, account_id: int) -> ServiceAccount:
        """Ends an account and its tokens; one that has ended stays as it is. Raises ServiceAccountNotFound."""
        async with self._transaction() as repository:
            account = await repository.lock_service_account(account_id)
            if account.revoked_at is None:
                # Only now, with the lock had: see AccessTokens.issue.
                now = account.revoked_at = self._clock()
                await repository.record_revocation(account.principal, now)
        return account

    async def issue_token(self, name: str, secret: str) -> ServiceToken:
        """Raises InvalidCredentials, which does not tell what of them was wrong."""
        now, secret_sha256 = self._clock(), _sha256(secret)
        async with self._transaction() as repository:
            account = await repository.service_account_named(name)
            if account is None or not account.lets_in(secret_sha256):
                raise InvalidCredentials
            account = await repository.lock_service_account(account.id)
            if not account.lets_in(secret_sha256):
                raise InvalidCredentials
            account.last_used_at = now
        seconds = self._token_seconds
        token = await self._tokens.issue(Kind(account.kind), account.id, account.name, now, seconds=seconds)
        return ServiceToken(token, seconds)


def _sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
