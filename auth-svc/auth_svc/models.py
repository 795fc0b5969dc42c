"""The tables, and the rules that they keep whoever asks."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Identity, Index, Integer, LargeBinary, String, Text, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import Uuid

from servicekit.access import Role
from servicekit.outbox import OutboxRow

# A device that may not have a token asks again every few seconds; one word a minute is enough to find it.
REFUSAL_TOLD_EVERY = timedelta(minutes=1)


# Wrong passwords that cost nothing but the try; each one more doubles the wait for the next, up to a limit: whoever
# fails on purpose must not keep the true user out for long.
FREE_FAILURES = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=1)
FAILURES_FORGOTTEN_AFTER = timedelta(minutes=10)


class ServiceKind(StrEnum):
    """What a service account is for."""

    INGEST = "ingest"
    SERVICE = "service"


class DeviceStatus(StrEnum):
    """Statuses of a device that get it a token; inventory has more, and they get it none."""

    DEPLOYED = "deployed"
    MAINTENANCE = "maintenance"


# The status that a device never leaves.
RETIRED = "retired"


ADMIN = Role.ADMIN.name.lower()


class Base(DeclarativeBase):
    """Of auth's tables."""


class User(Base):
    """Somebody who logs in. `role` is the name of a servicekit.access.Role, in lower case."""

    __tablename__ = "t_users"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    username: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(20))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index("ux_users_username", func.lower(username.column), unique=True),)

    @property
    def is_admin(self) -> bool:
        """Whether this user can manage users."""
        return self.active and self.role == ADMIN

    def changed(self, now: datetime) -> None:
        """Notes a change that others see."""
        self.version += 1
        self.updated_at = now


class Session(Base):
    """What one login began: the family of refresh tokens that came of it, which ends as one.

    Whoever exchanges or revokes a token locks its session first, so that no token is born into a session that ends.
    """

    __tablename__ = "t_sessions"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("t_users.id"))
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    # That of its newest token.
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_sessions_user", "user_id", "expires_at"),)

    def is_open(self, now: datetime) -> bool:
        """Whether its tokens are worth anything."""
        return self.revoked_at is None and now < self.expires_at

    def revoke(self, now: datetime) -> None:
        """Ends it; all its tokens with it."""
        self.revoked_at = self.revoked_at or now


class RefreshToken(Base):
    """A refresh token, of which we keep no more than we need to know it again."""

    __tablename__ = "t_refresh_tokens"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("t_sessions.id", ondelete="CASCADE"))
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    # Kept until the session is gone: a used token that comes again gives a thief away.
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    session: Mapped[Session] = relationship(lazy="raise")

    __table_args__ = (Index("ix_refresh_tokens_session", "session_id"),)


@dataclass(frozen=True, slots=True)
class DeviceNews:
    """What an event says of a device: how it is since `version`."""

    device_id: int
    serial_number: str
    status: str
    version: int


@dataclass(frozen=True, slots=True)
class CredentialNews:
    """What an event says of a device's credential: its secret since `version`."""

    device_id: int
    serial_number: str
    secret_sha256: bytes
    version: int


class DevicePrincipal(Base):
    """What auth knows of a device: its status and its credential, each as new as its own version says.

    Inventory tells of both in separate events, which come in any order.
    """

    __tablename__ = "t_device_principals"

    device_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    # Unique in inventory; here two devices may have the same for as long as events are on their way.
    serial_number: Mapped[str] = mapped_column(String(100), server_default="")
    # Empty until inventory tells of it.
    status: Mapped[str] = mapped_column(String(20), server_default="")
    device_version: Mapped[int] = mapped_column(Integer, server_default="0")
    secret_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    credential_version: Mapped[int] = mapped_column(Integer, server_default="0")
    refusal_told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_device_principals_serial", func.lower(serial_number.column)),)

    def take_credential(self, news: CredentialNews) -> bool:
        """What an event says of its credential, unless we know something newer. Returns whether its tokens are to end:
        what the old one got ends with it."""
        if news.version <= self.credential_version:
            return False
        renews = self.secret_sha256 is not None
        self.secret_sha256, self.credential_version = news.secret_sha256, news.version
        self.serial_number = self.serial_number or news.serial_number
        return renews

    def holds(self, secret_sha256: bytes) -> bool:
        """Whether this is its secret; takes as long whether it is or not."""
        return self.secret_sha256 is not None and hmac.compare_digest(self.secret_sha256, secret_sha256)

    def may_enter(self) -> bool:
        """Whether its status gets it a token."""
        return self.status in list(DeviceStatus)

    def tell_refusal(self, now: datetime) -> bool:
        """Whether the refusal at `now` is to be told of; if so, others shortly after it are not."""
        if self.refusal_told_at and now < self.refusal_told_at + REFUSAL_TOLD_EVERY:
            return False
        self.refusal_told_at = now
        return True


class ServiceAccount(Base):
    """A principal that is no person. Its name stays taken when it is revoked: logs speak of it."""

    __tablename__ = "t_service_accounts"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    # Of ServiceKind.
    kind: Mapped[str] = mapped_column(String(20))
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ux_service_accounts_name", func.lower(name.column), unique=True),)

    @property
    def principal(self) -> str:
        """The subject of its tokens."""
        return f"{self.kind}:{self.id}"

    def lets_in(self, secret_sha256: bytes) -> bool:
        """Whether this is its secret, and still good for something."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256) and self.revoked_at is None


class LoginFailures(Base):
    """Wrong passwords for one name, whether a user has it or not, since the last right one."""

    __tablename__ = "t_login_failures"

    name_sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    last_failed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_login_failures_last", "last_failed_at"),)

    def wait(self, now: datetime) -> timedelta:
        """How long the next try has to wait."""
        if self.last_failed_at is None or self.failures < FREE_FAILURES:
            return timedelta()
        doublings = min(self.failures - FREE_FAILURES, 10)
        return max(timedelta(), self.last_failed_at + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT) - now)

    def fail(self, now: datetime) -> None:
        """Counts one more."""
        if self.last_failed_at and self.last_failed_at + FAILURES_FORGOTTEN_AFTER <= now:
            self.failures = 0
        self.failures += 1
        self.last_failed_at = now


class Revocation(Base):
    """A principal's newest revocation: its tokens that were issued before a moment are good no more."""

    __tablename__ = "t_revocations"

    principal: Mapped[str] = mapped_column(String(50), primary_key=True)
    issued_before: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_revocations_issued_before", "issued_before"),)


class SigningKey(Base):
    """An Ed25519 key that signs tokens from some moment on, until the next one does."""

    __tablename__ = "t_signing_keys"

    kid: Mapped[str] = mapped_column(String(50), primary_key=True)
    private_key: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    signs_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Outbox(OutboxRow, Base):
    """Events that wait for the relay."""
