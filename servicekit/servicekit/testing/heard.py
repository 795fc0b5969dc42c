"""Whoever listens to a service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from servicekit.broker import Broker
from servicekit.event import Event


class Heard:
    """Events that reached another service."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def next(self, key: str) -> Event:
        """The next event, which must have this key."""
        event = await asyncio.wait_for(self._events.get(), 5)
        assert event.key == key
        return event

    async def first(self, key: str) -> Event:
        """The next event of this key, whatever comes before it."""
        async with asyncio.timeout(5):
            while (event := await self._events.get()).key != key:
                pass
        return event

    def empty(self) -> bool:
        return self._events.empty()

    @asynccontextmanager
    async def listening(self, vhost_url: str, *keys: str) -> AsyncIterator["Heard"]:
        """Hears events of these keys while the block runs."""
        listens = asyncio.Event()

        async def begin() -> None:
            listens.set()

        async def hear(event: Event) -> None:
            self._events.put_nowait(event)

        async with Broker(vhost_url, "listener") as broker:
            broker.subscribe(keys, hear, on_connect=begin)
            await listens.wait()
            yield self
