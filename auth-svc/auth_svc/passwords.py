"""Passwords: argon2id, a few at a time, beside the event loop."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from auth_svc.errors import TooManyLogins
from servicekit.fields import Fields

T = TypeVar("T")

SHORTEST, LONGEST = 12, 256
# A hash takes 64 MiB and about 0.1 s of several cores: two at a time leave some of both for everybody else.
AT_A_TIME = 2
# Those who wait longer than a few seconds have gone away; their hashes would only delay the next ones.
WAITING = 30
RETRY_SECONDS = 2.0
# Control characters, which no keyboard types into a password, and halves of characters.
REFUSED_CATEGORIES = frozenset({"Cc", "Cs"})


def read_password(fields: Fields, password: str, field: str = "password") -> str:
    """The password in Unicode's form NFC (as RFC 8265 has it), so that two keyboards' ways to type it are one."""
    if not password:
        fields.refuse(field, "is required")
    elif len(password) > LONGEST:
        # Before all else: the rest takes time with the length, and normalising with its square.
        fields.refuse(field, f"must not be longer than {LONGEST} characters")
    elif any(unicodedata.category(character) in REFUSED_CATEGORIES for character in password):
        fields.refuse(field, "must not hold control characters")
    else:
        return unicodedata.normalize("NFC", password)
    return ""


def read_new_password(fields: Fields, password: str, field: str = "password") -> str:
    """As `read_password`, for one that somebody is to have from now on."""
    password = read_password(fields, password, field)
    if len(password) < SHORTEST:
        fields.refuse(field, f"must not be shorter than {SHORTEST} characters")
    return password


class Passwords:
    """Hashes and verifies passwords. Raises TooManyLogins when too many wait already."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher`: other parameters than those recommended by RFC 9106 (argon2id, 64 MiB, 3 passes)."""
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="argon2")
        # The first work of the threads, so that the start does not wait for it.
        self._nobody = self._threads.submit(self._hasher.hash, "nobody")
        self._room = BoundedSemaphore(AT_A_TIME + WAITING)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """As it may be stored."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password of that hash. None, for an unknown user, takes as long as a wrong password."""

        def matches() -> bool:
            try:
                return self._hasher.verify(password_hash or self._nobody.result(), password)
            except VerifyMismatchError:
                return False

        return await self._run(matches) and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(password_hash)

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise TooManyLogins(retry_after=RETRY_SECONDS)
        future = self._threads.submit(work)
        # Not when the caller is done with it: one that went away leaves its thread at work.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)
