"""Who sends over the broker: its users, and the service accounts that they speak for."""

import re

from servicekit.access import Kind
from servicekit.handling import Poison
from telemetry_svc.store import Collection

_USER = re.compile(rf"{Kind.INGEST}-([1-9][0-9]{{0,9}})")


class Senders:
    """A broker's user is called after its service account: `ingest-4` speaks for `ingest:4`.

    Whoever makes users in the broker says by that who may send; the broker checks their passwords, and that nobody
    tells of another. What auth-svc takes back is kept here for good: a service account that has ended stays so, and no
    other ever gets its id.
    """

    def __init__(self, revoked: Collection) -> None:
        self._stored = revoked
        self._revoked: set[str] = set()

    async def load(self) -> None:
        """Reads which accounts have ended."""
        async with self._stored.find({}) as found:
            self._revoked |= {document["_id"] async for document in found}

    async def store(self, principal: str) -> None:
        """Keeps that an account has ended; of principals that do not send over the broker, nothing."""
        if self._sends(principal):
            await self._stored.update_one({"_id": principal}, {"$set": {}}, upsert=True)
            self._revoked.add(principal)

    def revoke(self, principal: str, _issued_before: float) -> None:
        """Refuses it from now on. A servicekit.access.RevocationListener."""
        if self._sends(principal):
            self._revoked.add(principal)

    def check(self, user: str) -> str:
        """The principal that a broker's user speaks for. Raises Poison when there is none, or it has ended."""
        if not user:
            raise Poison("UNKNOWN_SENDER: the message has no user_id")
        found = _USER.fullmatch(user)
        if not found:
            raise Poison(f"UNKNOWN_SENDER: the user_id {user[:64]!r} is no service account's: {Kind.INGEST}-<id>")
        principal = f"{Kind.INGEST}:{found[1]}"
        if principal in self._revoked:
            raise Poison(f"SENDER_REVOKED: {principal} has ended")
        return principal

    @staticmethod
    def _sends(principal: str) -> bool:
        return principal.startswith(f"{Kind.INGEST}:")
