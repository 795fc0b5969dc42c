"""Group commit: what many streams bring within a few milliseconds is stored together, and acknowledged together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from pymongo.errors import PyMongoError

from servicekit.errors import Internal, ServiceError
from servicekit.logs import logger
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.columns.frame import Frame
from telemetry_svc.company import Company
from telemetry_svc.errors import IngestUnavailable, NotStorable, TooManyMetrics
from telemetry_svc.ingest.admission import Admitted, Limits, admit
from telemetry_svc.ingest.intake import Intake, Refusal, Sender
from telemetry_svc.ingest.journal import Journal, NotStored
from telemetry_svc.ingest.room import Room
from telemetry_svc.ingest.splitting import store_apart
from telemetry_svc.ingest.vocabulary import Vocabulary
from telemetry_svc.ingest.wire import Batch
from telemetry_svc.observability import COMMIT_SECONDS, GROUP_ROWS, GROUPS_FAILED, ROWS_ACCEPTED, ROWS_REJECTED
from telemetry_svc.tasks import in_background

# A full group is about as much as MongoDB takes in 100 ms, and far below the 16 MB that one document may have.
MAX_ROWS, MAX_BYTES = 100_000, 8 * 1024 * 1024
# Whoever stores for a third of the time and gathers for the rest stores in large pieces, which cost less: a group waits
# for company twice as long as the one before it took to be stored, but not longer than this, and not once it is large.
LINGER_RATIO, LONGEST_LINGER_SECONDS, LARGE_ROWS = 2, 0.1, 40_000
# Opens are refused for this long after a group failed; then the next one finds out whether storage is back.
RETRY_SECONDS = 1.0
# And for this long when the journal is full: the fold needs some time.
FULL_SECONDS = 5.0

# What is to be done with a group, by its number, once its frames are stored; None: part of them may be.
Follow = Callable[[int, Sequence[Frame] | None], Awaitable[None]]


class Member(Sender, Protocol):
    """A sender that wants to know what became of its batches."""

    def committed(self, sequence: int, rows: int, refusals: Sequence[Refusal]) -> None:
        """All its batches up to this one are stored, `rows` new ones among them, or refused for good."""

    def failed(self, error: ServiceError) -> None:
        """Its batches since the last `committed` may be stored, or not."""


@dataclass(slots=True)
class Share:
    """What one member has in a group: its newest batch, and how many rows in all."""

    sequence: int
    rows: int


@dataclass(slots=True)
class Group:
    """What came since the last commit."""

    intake: Intake = field(default_factory=Intake)
    shares: dict[Member, Share] = field(default_factory=dict)
    began: float = field(default_factory=perf_counter)

    @property
    def full(self) -> bool:
        """Whether the next batch has to wait for the next group."""
        return self.intake.rows >= MAX_ROWS or self.intake.bytes >= MAX_BYTES

    @property
    def large(self) -> bool:
        """Whether waiting for more would gain nothing."""
        return self.intake.rows >= LARGE_ROWS or self.full


class Groups:
    """One group gathers while another one is committed; when both are full, `add` waits, and so do the senders.

    So what is held in memory is bounded by two groups and a batch for each stream, however slow storage is.
    """

    def __init__(
        self,
        journal: Journal,
        fleet: Fleet,
        vocabulary: Vocabulary,
        room: Room,
        company: Company,
        *,
        follow: Follow,
        limits: Limits,
        linger_seconds: float,
        clock: Clock,
    ) -> None:
        """`linger_seconds`: how long a group waits for company at least."""
        self._journal = journal
        self._fleet = fleet
        self._vocabulary = vocabulary
        self._journals_room = room
        self._company = company
        self._follow = follow
        self.limits = limits
        self._linger = linger_seconds
        self._clock = clock
        self._group = Group()
        self._number = 0
        self._received_ms = 0
        self._storing_took = 0.0
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._large = asyncio.Event()
        self._closing = False
        self._healthy_since_ms: int | None = clock()
        self._failed_at_ms = self._failures = 0

    @property
    def healthy_since_ms(self) -> int | None:
        """Since when every group could be stored; None when the last one could not, or the next one has to wait."""
        stored, room = self._healthy_since_ms, self._journals_room.free_since_ms
        return None if stored is None or room is None else max(stored, room)

    def check(self) -> None:
        """Raises IngestUnavailable when a group failed just now, or the journal is full: there is no sense in sending
        more."""
        if self._journals_room.full:
            raise IngestUnavailable(retry_after=FULL_SECONDS)
        if self._healthy_since_ms is None and self._clock() - self._failed_at_ms < RETRY_SECONDS * 1000:
            raise IngestUnavailable(retry_after=RETRY_SECONDS)

    async def add(self, batch: Batch, member: Member) -> None:
        """Takes in a batch; waits while there is no room for it.

        Raises IngestUnavailable when what it waited behind has failed: its sender's earlier batches may be among that,
        and come first when they come again.
        """
        failures = self._failures
        while self._group.full:
            self._room.clear()
            await self._room.wait()
            if self._failures != failures:
                raise IngestUnavailable(retry_after=RETRY_SECONDS)
        group = self._group
        if not group.shares:
            group.began = perf_counter()
            self._something.set()
        rows = group.intake.add(batch, member)
        share = group.shares.get(member)
        if share is None:
            group.shares[member] = Share(batch.sequence, rows)
        else:
            share.sequence = batch.sequence
            share.rows += rows
        if group.large:
            self._large.set()

    def committing(self) -> AbstractAsyncContextManager[None]:
        """Commits groups while the block runs; at its end, what was taken in is still committed."""
        return in_background(self._commit_forever(), self._finish)

    def _finish(self) -> None:
        # Something that is nothing: the sign to end, after what is there.
        self._closing = True
        self._something.set()

    async def _commit_forever(self) -> None:
        while True:
            await self._wait_for_something()
            if self._closing and not self._group.shares:
                return
            while not (self._closing or await self._journals_room.free(RETRY_SECONDS)):
                pass  # what has come waits, and whoever sends more
            with suppress(TimeoutError):  # nobody else came
                company = min(LINGER_RATIO * self._storing_took, LONGEST_LINGER_SECONDS)
                async with asyncio.timeout(max(self._linger, company)):
                    await self._large.wait()
            group, self._group = self._group, Group()
            if not self._closing:
                self._something.clear()
            self._large.clear()
            self._room.set()
            if not group.shares:
                continue  # those who sent something were sent away
            try:
                await self._commit(group)
            except Exception:  # noqa: BLE001 - a bug: its senders learn of it, the others go on
                logger.exception("group_failed", rows=group.intake.rows)
                await self._fail(group, Internal(request_id=f"group {self._number}"))

    async def _wait_for_something(self) -> None:
        while self._healthy_since_ms is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._something.wait()
            if self._something.is_set():
                return
            # Nobody sends, so nobody would find out that storage is back, and silence would never mean anything.
            if await self._journal.reachable():
                self._healthy_since_ms = self._clock()
        await self._something.wait()

    async def _commit(self, group: Group) -> None:
        number = self._next_number()
        try:
            stay = await self._company.joined()
            # Each group a later time than the one before: so groups of one writer are ordered by it.
            self._received_ms = max(self._clock(), self._received_ms + 1)
            admitted, refusals = await self._admit(group.intake)
            frames: list[Frame] | None = [one.frame for one in admitted]
            began = perf_counter()
            if frames and (never := await self._journal.append(number, frames)):
                refusals += await self._take_apart(admitted, never)
                frames = None
            self._storing_took = perf_counter() - began
            self._check_stay(stay)
        except (NotStored, PyMongoError, TimeoutError) as error:
            logger.warning("group_not_stored", rows=group.intake.rows, senders=len(group.shares), error=str(error))
            await self._fail(group, IngestUnavailable(retry_after=RETRY_SECONDS))
            return
        if self._healthy_since_ms is None:
            self._healthy_since_ms = self._clock()
        COMMIT_SECONDS.observe(perf_counter() - group.began)
        self._acknowledge(group, refusals)
        if admitted:
            await self._follow(number, frames)

    def _check_stay(self, stay: int) -> None:
        """Raises NotStored when the owners may not see what was stored; they will when it comes again, before what
        follows it."""
        if self._company.stay != stay:
            raise NotStored("the other replicas did not reckon with this one")

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    async def _take_apart(self, admitted: Sequence[Admitted], never: Mapping[int, str]) -> list[Refusal]:
        """Stores what can be of partitions of which something never can."""
        frames = [one.frame for one in admitted]
        bad = await store_apart(self._journal, frames, never, self._next_number)
        logger.error("rows_not_storable", rows=sum(map(len, bad.values())), why=next(iter(never.values())))
        return [
            refusal
            for place, rows in bad.items()
            for refusal in admitted[place].refuse(rows, NotStorable.reason, "Storage can never take it")
        ]

    async def _admit(self, intake: Intake) -> tuple[list[Admitted], list[Refusal]]:
        admitted: list[Admitted] = []
        refusals = list(intake.refusals)
        for section in intake.sections.values():
            if not section.rows:
                continue  # a batch of these metrics was refused for its shape
            one = admit(section, self._fleet, self.limits, self._received_ms)
            refusals += one.refusals
            # Learned from what is stored alone: what is refused may come from anybody, and with any name.
            if not len(one.frame):
                continue
            if too_many := await self._vocabulary.learn(one.frame):
                refusals += one.refuse(slice(None), TooManyMetrics.reason, too_many)
            else:
                admitted.append(one)
        return admitted, refusals

    def _acknowledge(self, group: Group, refusals: Sequence[Refusal]) -> None:
        refused: dict[Sender, list[Refusal]] = {}
        for refusal in refusals:
            refused.setdefault(refusal.sender, []).append(refusal)
            ROWS_REJECTED.labels(refusal.reason).inc(refusal.rows)
        accepted = 0
        for member, share in group.shares.items():
            rows, own = share.rows, refused.get(member, ())
            if own:
                rows -= sum(refusal.rows for refusal in own)
            member.committed(share.sequence, rows, own)
            accepted += rows
        ROWS_ACCEPTED.inc(accepted)
        GROUP_ROWS.observe(accepted)

    async def _fail(self, group: Group, error: ServiceError) -> None:
        """Some of it may be stored all the same."""
        self._failed_at_ms, self._healthy_since_ms = self._clock(), None
        self._failures += 1
        # What its senders sent since must not be stored before what failed comes again: rules go by order.
        gathered, self._group = self._group, Group()
        for failed in (group, gathered):
            GROUPS_FAILED.inc()
            for member in failed.shares:
                member.failed(error)
        self._room.set()
        await self._follow(self._number, None)
