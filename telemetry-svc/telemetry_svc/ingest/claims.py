"""The streams of a source across the replicas: each tells the others which began with it, and the newest counts."""

import asyncio
from collections.abc import Mapping

from fieldstock.telemetry.v1 import events_pb2
from servicekit.broker import LIVE, Broker
from servicekit.event import Event
from telemetry_svc.ingest.sources import Source, Sources

KEY = "sources"
# What begins within that time is told at once: thousands of streams a second are some twenty messages.
GATHER_SECONDS = 0.05
AT_ONCE = 5_000
# Of messages that were not heard yet no more are kept.
LIMIT = 1_000


class Claims:
    """Tells and hears through the broker, and stores nothing: what is lost leaves an old stream open beside the new
    one, which costs a connection and no reading. Whoever reconnects tells of all its streams once more."""

    def __init__(self, broker: Broker, sources: Sources) -> None:
        self._broker = broker
        self._sources = sources
        self._untold: dict[Source, int] = {}
        self._something = asyncio.Event()
        sources.on_claim = self._claimed

    def start(self) -> None:
        """Hears of the others' until the broker is closed."""
        self._broker.subscribe([KEY], self._hear, on_connect=self._tell_all, exchange=LIVE, limit=LIMIT)

    async def tell(self) -> None:
        """Tells of ours until it is cancelled."""
        while True:
            await self._something.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._something.clear()
            untold, self._untold = self._untold, {}
            await self._publish(untold)

    def _claimed(self, source: Source, began_ms: int) -> None:
        self._untold[source] = began_ms
        self._something.set()

    async def _tell_all(self) -> None:
        await self._publish(self._sources.claims())

    async def _publish(self, claims: Mapping[Source, int]) -> None:
        rows = list(claims.items())
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            message = events_pb2.SourcesClaimed(
                replica=self._sources.replica,
                principal=[principal for (principal, _), _ in some],
                source_id=[source_id for (_, source_id), _ in some],
                began_ms=[began_ms for _, began_ms in some],
            )
            await self._broker.publish_live(KEY, message)

    async def _hear(self, event: Event) -> None:
        claimed = events_pb2.SourcesClaimed.FromString(event.body)
        if claimed.replica != self._sources.replica:
            for *source, began_ms in zip(claimed.principal, claimed.source_id, claimed.began_ms, strict=True):
                self._sources.replaced((source[0], source[1]), began_ms, claimed.replica)
