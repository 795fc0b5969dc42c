"""What was measured, in numbers: kept by the fold, so that asking costs the same however many readings there are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError

from telemetry_svc.columns.fleet import Place
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.columns.tally import HOUR_MINUTES, MINUTE_MS, Numbers, Tally
from telemetry_svc.fence import LeaseLost
from telemetry_svc.store import Collection, Document

# As far back as anybody may ask, and the hour that this reaches into.
KEPT_HOURS = 26
# In the place of an hour: what is stored and not yet folded, as its owner counts it.
PENDING = -1


@dataclass(frozen=True, slots=True)
class Window:
    """The minutes from `start` to before `end`, since 1970."""

    start: int
    end: int

    @classmethod
    def of(cls, start_ms: int, end_ms: int) -> "Window":
        """The minutes that [start_ms, end_ms) touches."""
        return cls(start_ms // MINUTE_MS, -(-end_ms // MINUTE_MS))

    @property
    def hours(self) -> tuple[list[int], list[int]]:
        """Those that are wholly within, and those that are not."""
        touched = range(self.start // HOUR_MINUTES, -(-self.end // HOUR_MINUTES))
        whole = range(-(-self.start // HOUR_MINUTES), self.end // HOUR_MINUTES)
        return list(whole), [hour for hour in touched if hour not in whole]


class Statistics:
    """A document for each partition and hour, with a row for each minute and one for the hour; and for each partition
    one of what is not folded yet. By the type and the location that a device has when its readings are counted.
    """

    def __init__(self, client: AsyncMongoClient[Document], collection: Collection) -> None:
        self._client = client
        self._collection = collection
        # Grows with every word of what is pending: one that was held up on its way must not come after later ones.
        self._word = 0

    async def add(
        self, partition: int, epoch: int, tally: Tally, pending: Callable[[], Tally], session: AsyncClientSession
    ) -> None:
        """Counts in what is folded in the same transaction; `pending` is what is left to be folded."""
        for hour, part in tally.hours():
            identity = {"partition": partition, "hour": hour}
            before = await self._collection.find_one({"_id": identity}, session=session)
            if before:
                part = Tally.together([Tally.from_binary(before["minutes"]), part])
            minutes = Tally.together([part])
            document = {"minutes": minutes.to_packed(), "whole": minutes.whole_hours().to_binary()}
            await self._collection.replace_one({"_id": identity}, document, upsert=True, session=session)
        await self.await_fold(partition, epoch, pending(), self.word(), session)

    def word(self) -> int:
        """The number of what is pending right now: to be drawn in the moment in which that is looked at."""
        self._word += 1
        return self._word

    async def await_fold(
        self, partition: int, epoch: int, pending: Tally, word: int, session: AsyncClientSession | None = None
    ) -> None:
        """What was stored of a partition and not folded yet, as the owner of this epoch knew at this word. What is told
        of a later one stays.

        Raises LeaseLost when there is a later epoch.
        """
        identity = {"partition": partition, "hour": PENDING}
        document = {"minutes": pending.to_binary(), "epoch": epoch, "word": word}
        earlier = [
            {"epoch": {"$not": {"$gte": epoch}}},
            {"epoch": epoch, "word": {"$not": {"$gte": word}}},
        ]
        try:
            await self._collection.replace_one(
                {"_id": identity, "$or": earlier}, document, upsert=True, session=session
            )
        except DuplicateKeyError:
            if session or await self._collection.find_one({"_id": identity, "epoch": {"$gt": epoch}}, ["_id"]):
                raise LeaseLost from None

    async def forget(self, partitions: Iterable[int], before_hour: int) -> None:
        """Removes the hours of these partitions that nobody may ask for any more."""
        for partition in partitions:
            which = {
                "$gt": {"partition": partition, "hour": PENDING},
                "$lt": {"partition": partition, "hour": before_hour},
            }
            await self._collection.delete_many({"_id": which})

    async def of(self, window: Window, wanted: Callable[[Place], bool]) -> dict[str, Numbers]:
        """Each metric's numbers within the window, of the places that are wanted."""
        whole, edges = window.hours
        found: list[Tally] = []
        # One moment of all documents: what was pending is folded in the same transaction that counts it.
        async with self._client.start_session(snapshot=True) as session:
            for column, hours in (("whole", whole), ("minutes", [*edges, PENDING])):
                ids = [{"partition": partition, "hour": hour} for partition in range(PARTITIONS) for hour in hours]
                async for document in self._collection.find({"_id": {"$in": ids}}, [column], session=session):
                    tally = Tally.from_binary(document[column])
                    if column == "minutes":
                        tally = tally.take((tally.minute >= window.start) & (tally.minute < window.end))
                    found.append(tally)
        return _summed(found, wanted)


def _summed(tallies: Sequence[Tally], wanted: Callable[[Place], bool]) -> dict[str, Numbers]:
    sums: dict[str, Numbers] = {}
    for tally in tallies:
        for metric, numbers in tally.at(wanted).numbers().items():
            sums.setdefault(metric, Numbers()).add(numbers.least, numbers.most, numbers.total, numbers.count)
    return sums
