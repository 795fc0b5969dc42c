"""Who is connected, and until when."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge

from gateway.errors import (
    OtherPrincipal,
    PrincipalNotAdmitted,
    SessionExpired,
    SessionOver,
    SessionRevoked,
    TooSlow,
    in_words,
)
from gateway.frames import DISCONNECT, frame
from gateway.mailbox import Mailbox
from gateway.settings import Limits
from gateway.wire import Wire
from servicekit.access import Caller, Kind, Verifier
from servicekit.errors import ServiceError
from servicekit.logs import logger

CLIENTS = Gauge("fieldstock_edge_clients", "Clients that are connected.")
ENDED = Counter("fieldstock_edge_sessions_ended", "Sessions that the edge ended.", ["reason"])

ADMITTED = frozenset({Kind.USER, Kind.SERVICE})
# Close codes of RFC 6455 and its registry.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


@dataclass(eq=False, slots=True)
class Session:
    """A connected client: `caller` is who its newest token speaks for."""

    sid: str
    wire: Wire
    mailbox: Mailbox
    caller: Caller
    expiry: asyncio.TimerHandle | None = field(default=None)


class Sessions:
    """All that are connected. `on_end` is called with each session that ends, whoever ended it."""

    def __init__(
        self,
        verifier: Verifier,
        limits: Limits,
        on_end: Callable[[Session], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._limits = limits
        self._on_end = on_end
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._farewells: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    async def admit(self, sid: str, wire: Wire, token: str) -> Session:
        """Raises Unauthenticated, KeysUnavailable, PrincipalNotAdmitted, SessionOver (the client left meanwhile)."""
        caller = await self._verify(token)
        if wire.is_cut:
            raise SessionOver
        mailbox = Mailbox(wire, self._limits, on_behind=lambda: self._end_slow(session))
        session = Session(sid, wire, mailbox, caller)
        self._sessions[sid] = session
        wire.admitted = True
        wire.ended = lambda: self._close(session)
        self._watch_expiry(session)
        CLIENTS.inc()
        return session

    def find(self, sid: str) -> Session:
        """Raises SessionOver."""
        session = self._sessions.get(sid)
        if session is None:
            raise SessionOver
        return session

    async def renew(self, session: Session, token: str) -> Caller:
        """Goes on with a fresh token. Raises as `admit`, and OtherPrincipal; the session then stays as it is."""
        caller = await self._verify(token)
        if caller.principal != session.caller.principal:
            raise OtherPrincipal(principal=session.caller.principal)
        if self._sessions.get(session.sid) is not session:
            raise SessionOver
        session.caller = caller
        self._watch_expiry(session)
        return caller

    def revoke(self, principal: str, issued_before: float) -> None:
        """Ends a principal's sessions whose token was issued before a moment (seconds since 1970)."""
        why = SessionRevoked()
        for session in list(self._sessions.values()):
            if session.caller.principal == principal and session.caller.issued_at < issued_before:
                self._end(session, POLICY_VIOLATION, why, frame("session_expired", in_words(why)), DISCONNECT)

    async def _verify(self, token: str) -> Caller:
        caller = await self._verifier.verify(token)
        if caller.kind not in ADMITTED:
            raise PrincipalNotAdmitted(kind=caller.kind)
        return caller

    def _watch_expiry(self, session: Session) -> None:
        if session.expiry:
            session.expiry.cancel()
        left = session.caller.expires_at - self._clock()
        session.expiry = asyncio.get_running_loop().call_later(max(0, left), self._end_expired, session)

    def _end_expired(self, session: Session) -> None:
        why = SessionExpired()
        # An official client that is told to disconnect does not come back by itself: it would, with the old token.
        self._end(session, POLICY_VIOLATION, why, frame("session_expired", in_words(why)), DISCONNECT)

    def _end_slow(self, session: Session) -> None:
        why = TooSlow(backlog=self._limits.backlog)
        # No word of disconnecting here: an official client then comes back, and starts from fresh snapshots.
        self._end(session, TRY_AGAIN_LATER, why, frame("too_slow", in_words(why)))

    def _end(self, session: Session, code: int, why: ServiceError, *last: bytes) -> None:
        if not self._close(session):
            return
        logger.info("session_ended", principal=session.caller.principal, reason=why.reason)
        ENDED.labels(why.reason).inc()
        farewell = asyncio.create_task(session.wire.hang_up(code, why.reason, *last))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)

    def _close(self, session: Session) -> bool:
        if self._sessions.pop(session.sid, None) is None:
            return False
        CLIENTS.dec()
        if session.expiry:
            session.expiry.cancel()
        self._on_end(session)
        session.mailbox.close()
        return True
