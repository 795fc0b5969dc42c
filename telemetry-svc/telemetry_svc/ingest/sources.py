"""Streams of readings: who sends, how far it is, and when it has to end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import uuid4

from servicekit.access import Caller, Kind
from servicekit.errors import InvalidField, ServiceError
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import MAY_SEND, Fleet
from telemetry_svc.errors import (
    DeviceNotDeployed,
    IngestUnavailable,
    InvalidSequence,
    SourceReplaced,
    TokenExpired,
    TokenRevoked,
    TooManyStreams,
)
from telemetry_svc.ingest.groups import Groups
from telemetry_svc.ingest.intake import Refusal
from telemetry_svc.ingest.wire import Batch
from telemetry_svc.observability import STREAMS_OPEN

# A stream that is ended waits so long for the groups that it is in: less to send again.
LAST_WORD_SECONDS = 1.0
# A UUID in whatever spelling; it is kept for as long as the stream is open, and told back.
LONGEST_SOURCE_ID = 64
# A device needs one, and a second while the first is found dead. Each may hold a message that never comes to its end.
MOST_STREAMS_OF_DEVICE = 16
# By then those that are dead may have been found so.
TOO_MANY_SECONDS = 5.0

# A principal, and the id of its spool.
Source = tuple[str, str]


@dataclass
class Tally:
    """Refused rows of one reason, and what was said of the first."""

    rows: int
    message: str


@dataclass(eq=False)
class Stream:
    """One open stream. `committed_sequence`: everything up to it is stored or refused for good; 0: nothing yet."""

    groups: Groups
    who: Caller
    # Called with the source's id as soon as it is known.
    claim: Callable[["Stream", str], None]
    # When it claimed its source: milliseconds since 1970.
    began_ms: int = 0
    taken_sequence: int = 0
    committed_sequence: int = 0
    accepted_rows: int = 0
    refused: dict[str, Tally] = field(default_factory=dict)
    half_closed: bool = False
    _failure: ServiceError | None = None
    _ending: ServiceError | None = None
    _limit: asyncio.Timeout | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def own_device(self) -> int:
        """The device that sends; 0: somebody who sends for others."""
        return self.who.id if self.who.kind is Kind.DEVICE else 0

    async def take(self, batch: Batch) -> None:
        """Takes in the next batch; waits while ingest is full, and the sender feels it.

        Raises InvalidSequence; InvalidField for a source's id that is too long; what an earlier batch failed for.
        """
        if self._failure:
            raise self._failure  # nothing behind the gap may be seen before what comes again
        sequence = batch.sequence
        if sequence != self.taken_sequence + 1 and (self.taken_sequence or not sequence):
            raise InvalidSequence(sequence=sequence, last=self.taken_sequence)
        if not self.taken_sequence:
            self.claim(self, batch.source_id)
        await self.groups.add(batch, self)
        self.taken_sequence = sequence

    async def settled(self) -> None:
        """Returns when all that was taken is stored or refused. Raises what kept it from being stored."""
        self.half_closed = True
        if self._limit:
            self._limit.reschedule(None)
        await self._all_committed()

    async def _all_committed(self) -> None:
        while self.committed_sequence < self.taken_sequence:
            if self._failure:
                raise self._failure
            self._news.clear()
            await self._news.wait()

    def committed(self, sequence: int, rows: int, refusals: Sequence[Refusal]) -> None:
        """See Member. After a failure nothing counts: what was stored behind the gap comes again."""
        if self._failure:
            return
        self.committed_sequence = sequence
        self.accepted_rows += rows
        for refusal in refusals:
            tally = self.refused.setdefault(refusal.reason, Tally(0, refusal.message))
            tally.rows += refusal.rows
        self._news.set()

    def failed(self, error: ServiceError) -> None:
        """See Member."""
        self._failure = self._failure or error
        self._news.set()
        self.end(error)

    def end(self, error: ServiceError) -> None:
        """Ends the stream with `error`; one that is half-closed only waits for its commit, and is left to finish."""
        if self._limit and not self._limit.expired() and not self.half_closed and not self._ending:
            self._ending = error
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def _last_commit(self) -> None:
        with suppress(TimeoutError, ServiceError):  # the end has its reason already
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self._all_committed()

    @asynccontextmanager
    async def limited(self, seconds: float) -> AsyncIterator[None]:
        """Runs the block until it is done, `end` is called, or so many seconds are over: the token's."""
        limit = self._limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            await self._last_commit()
            raise (self._ending or TokenExpired()) from None
        except ServiceError:
            await self._last_commit()
            raise
        finally:
            self._limit = None


class Sources:
    """The open streams. A source is a principal and the id of its spool; its newest stream is the one that counts, here
    or on another replica."""

    def __init__(self, groups: Groups, fleet: Fleet, *, rotate_seconds: float, opens_per_second: float, clock: Clock):
        """`rotate_seconds`: how long a stream stays open at least; with many streams longer, so that no more than
        `opens_per_second` begin."""
        self._groups = groups
        self._fleet = fleet
        self._rotate_seconds = rotate_seconds
        self._opens_per_second = opens_per_second
        self._clock = clock
        self.replica = uuid4().hex
        # Told of every stream that claims a source.
        self.on_claim: Callable[[Source, int], None] = lambda *_: None
        self._newest: dict[Source, Stream] = {}
        self._of_principal: dict[str, set[Stream]] = {}
        self._streams: set[Stream] = set()

    @property
    def rotate_after_ms(self) -> int:
        """After how long a sender should half-close its stream and open the next."""
        return round(1000 * max(self._rotate_seconds, len(self._streams) / self._opens_per_second))

    @asynccontextmanager
    async def open(self, who: Caller) -> AsyncIterator[Stream]:
        """A stream of the caller's while the block runs.

        The block is interrupted, and this raises, when the stream has to end: DeviceNotDeployed, SourceReplaced,
        TokenExpired, TokenRevoked, IngestUnavailable. The first and the last may be raised at once, and TooManyStreams.
        """
        self._groups.check()
        if who.kind is Kind.DEVICE:
            self._check_device(who.id)
            streams = len(self._of_principal.get(who.principal, ()))
            if streams >= MOST_STREAMS_OF_DEVICE:
                raise TooManyStreams(device_id=who.id, streams=streams, retry_after=TOO_MANY_SECONDS)
        source: Source | None = None

        def claim(stream: Stream, source_id: str) -> None:
            nonlocal source
            if not source_id:
                return  # it keeps nothing, so nothing of it can come twice
            if len(source_id) > LONGEST_SOURCE_ID:
                raise InvalidField("source_id", f"must not be longer than {LONGEST_SOURCE_ID} characters")
            source = (who.principal, source_id)
            older = self._newest.get(source)
            self._newest[source] = stream
            stream.began_ms = self._clock()
            if older:
                older.end(SourceReplaced(source_id=source_id))
            self.on_claim(source, stream.began_ms)

        stream = Stream(self._groups, who, claim)
        self._enter(stream)
        try:
            async with stream.limited(who.expires_at - self._clock() / 1000):
                yield stream
        finally:
            self._leave(stream)
            if source and self._newest.get(source) is stream:
                del self._newest[source]

    def claims(self) -> dict[Source, int]:
        """When the newest stream of each source began here."""
        return {source: stream.began_ms for source, stream in self._newest.items()}

    def replaced(self, source: Source, began_ms: int, replica: str) -> None:
        """A stream of the source began then on another replica: ends ours, or tells of it once more if it is the newer
        one, which that replica was not there to hear."""
        ours = self._newest.get(source)
        if ours and (ours.began_ms, self.replica) < (began_ms, replica):
            ours.end(SourceReplaced(source_id=source[1]))
        elif ours:
            self.on_claim(source, ours.began_ms)

    def device_changed(self, device_id: int) -> None:
        """Ends the device's own streams when it may not send any more."""
        try:
            self._check_device(device_id)
        except DeviceNotDeployed as error:
            for stream in self._of_principal.get(f"{Kind.DEVICE}:{device_id}", set()):
                stream.end(error)

    def revoke(self, principal: str, issued_before: float) -> None:
        """Ends a principal's streams whose token was issued before a moment (seconds since 1970)."""
        for stream in self._of_principal.get(principal, set()):
            if stream.who.issued_at < issued_before:
                stream.end(TokenRevoked())

    def end_all(self) -> None:
        """Sends every sender away, to another replica or to this one when it is back."""
        for stream in list(self._streams):
            stream.end(IngestUnavailable(retry_after=0.0))

    def _check_device(self, device_id: int) -> None:
        status = self._fleet.status_of(device_id)
        if not MAY_SEND[status]:
            raise DeviceNotDeployed(device_id=device_id, status=status.name.lower())

    def _enter(self, stream: Stream) -> None:
        self._streams.add(stream)
        STREAMS_OPEN.inc()
        self._of_principal.setdefault(stream.who.principal, set()).add(stream)

    def _leave(self, stream: Stream) -> None:
        self._streams.discard(stream)
        STREAMS_OPEN.dec()
        streams = self._of_principal[stream.who.principal]
        streams.discard(stream)
        if not streams:
            del self._of_principal[stream.who.principal]
