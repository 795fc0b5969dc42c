"""Sessions: what a login begins, each refresh prolongs, and a logout or a replay ends."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from auth_svc.access_tokens import AccessTokens
from auth_svc.accounts import Accounts
from auth_svc.errors import InvalidCredentials, InvalidRefreshToken, RefreshTokenReplayed
from auth_svc.models import RefreshToken, Session, User
from auth_svc.repository import Transaction
from servicekit.access import Kind

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a user gets: one token to call with, and one, good for one use, to get the next pair with."""

    access_token: str
    refresh_token: str
    expires_in: int


class Sessions:
    """Every user's sessions."""

    def __init__(
        self,
        transaction: Transaction,
        accounts: Accounts,
        tokens: AccessTokens,
        clock: Callable[[], datetime],
        *,
        access_seconds: int,
        refresh_days: int,
    ) -> None:
        self._transaction = transaction
        self._accounts = accounts
        self._tokens = tokens
        self._clock = clock
        self._access_seconds = access_seconds
        self._lifetime = timedelta(days=refresh_days)

    async def login(self, username: str, password: str) -> TokenPair:
        """Begins a session. Raises InvalidCredentials, InvalidFields, TooManyLogins, LoginsThrottled."""
        user = await self._accounts.authenticate(username, password)
        now = self._clock()
        async with self._transaction() as repository:
            current = await repository.lock_user(user.id)
            # Its password or its role changed while we were at the hash: what we verified is not so any more.
            if current.version != user.version:
                raise InvalidCredentials
            await repository.forget_sessions(user.id, now)
            session = Session(id=uuid4(), user_id=user.id, started_at=now)
            refresh_token, row = self._next_token(session, now)
            repository.add(row)
        return await self._pair(user, session, refresh_token, now)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Prolongs a session. Raises InvalidRefreshToken, RefreshTokenReplayed, which ends the session."""
        now = self._clock()
        async with self._transaction() as repository:
            found = await repository.lock_session_of(_sha256(refresh_token))
            if found is None:
                raise InvalidRefreshToken
            session, token = found
            user = await repository.user(session.user_id)
            if not user.active or not session.is_open(now) or token.expires_at <= now:
                raise InvalidRefreshToken
            next_token = None
            if token.used_at is None:
                token.used_at = now
                await repository.forget_tokens(session, now)
                next_token, row = self._next_token(session, now)
                repository.add(row)
            else:
                session.revoke(now)
        # Only now: raised within the transaction, it would undo the revocation.
        if next_token is None:
            raise RefreshTokenReplayed
        return await self._pair(user, session, next_token, now)

    async def logout(self, refresh_token: str) -> None:
        """Ends the session of a token; an unknown one has none."""
        async with self._transaction() as repository:
            found = await repository.lock_session_of(_sha256(refresh_token))
            if found:
                found[0].revoke(self._clock())

    def _next_token(self, session: Session, now: datetime) -> tuple[str, RefreshToken]:
        token = secrets.token_urlsafe(SECRET_BYTES)
        session.expires_at = now + self._lifetime
        row = RefreshToken(
            sha256=_sha256(token), session=session, issued_at=now, expires_at=session.expires_at, used_at=None
        )
        return token, row

    async def _pair(self, user: User, session: Session, refresh_token: str, now: datetime) -> TokenPair:
        seconds = self._access_seconds
        access = await self._tokens.issue(
            Kind.USER, user.id, user.username, now, seconds=seconds, role=user.role, session=session.id
        )
        return TokenPair(access, refresh_token, seconds)


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
