"""What is told of alerts, as everybody hears it who listens: at least once, and in order."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fieldstock.telemetry.v1 import events_pb2
from servicekit.broker import Broker
from servicekit.event import Event

QUEUE, KEYS = "faults", ["telemetry.alert.*"]


class Heard:
    """`versions`: by alert, as they came."""

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        self.versions: dict[str, list[int]] = defaultdict(list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listens while the block runs."""
        async with Broker(self._url, QUEUE) as broker:
            await broker.declare(QUEUE, KEYS)
            broker.consume(QUEUE, KEYS, self._hear)
            yield

    async def _hear(self, some: Sequence[Event]) -> None:
        for event in some:
            alert = events_pb2.AlertChanged.FromString(event.body).alert
            self.versions[alert.id].append(alert.version)

    def wrong(self, alerts: Iterable[Any]) -> dict[str, tuple[int, ...]]:
        """The versions that were told of those alerts of which not each one was told, after the one before. One that
        was told may come again, at any time."""
        return {
            alert.id: tuple(self.versions[alert.id])
            for alert in alerts
            if list(dict.fromkeys(self.versions[alert.id])) != list(range(1, alert.version + 1))
        }
