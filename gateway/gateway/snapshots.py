"""The present state of a topic, brought to whoever begins to follow it, and to all when events may have been missed."""

import asyncio
import time
from collections.abc import Callable, Iterable
from random import uniform
from typing import Any, Self

import grpc
from google.rpc import error_details_pb2, status_pb2
from prometheus_client import Counter

from gateway.errors import SnapshotUnavailable, in_words
from gateway.frames import frame
from gateway.settings import Limits
from gateway.sources import Sources
from gateway.topics import Subscription

SNAPSHOTS = Counter("fieldstock_edge_snapshots", "Attempts at a snapshot, by the answer of its source.", ["code"])

# After a reconnect every client wants its snapshots at once; the services have others to serve.
AT_ONCE = 32

# Another try gives another answer.
PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)


class Snapshots:
    """Fetches and sends snapshots, one at a time for each subscription."""

    def __init__(self, sources: Sources, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._sources = sources
        self._limits = limits
        self._clock = clock
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def refresh(self, subscriptions: Iterable[Subscription]) -> None:
        """Sends each of them a snapshot taken from now on."""
        for subscription in subscriptions:
            if subscription.task and not subscription.task.done():
                subscription.again = True
                continue
            subscription.task = asyncio.create_task(self._bring(subscription))
            self._tasks.add(subscription.task)
            subscription.task.add_done_callback(self._tasks.discard)

    async def _bring(self, subscription: Subscription) -> None:
        delay, told = self._limits.first_retry_seconds, None
        wanted = True
        while wanted:
            subscription.again, subscription.missed = False, []
            version = int(self._clock() * 1000)
            try:
                async with self._gate:
                    snapshot = await self._sources.fetch(subscription.topic, subscription.session.caller.token)
            except grpc.aio.AioRpcError as error:
                # Counted, and no line in the log: there may be one of these for each client and topic.
                SNAPSHOTS.labels(error.code().name).inc()
                retrying = error.code() in PASSING
                if error.code() != told:
                    told = error.code()
                    self._send(subscription, version, {"items": [], "error": _in_words(error, retrying)})
            else:
                SNAPSHOTS.labels(grpc.StatusCode.OK.name).inc()
                total = {} if snapshot.total is None else {"total": snapshot.total}
                self._send(subscription, version, {"items": snapshot.items, **total})
                delay, told, retrying = self._limits.first_retry_seconds, None, False
            # What happens from here on the next attempt will know of.
            subscription.missed = None
            if retrying:
                await asyncio.sleep(uniform(delay / 2, delay))
                delay = min(delay * 2, self._limits.longest_retry_seconds)
            wanted = retrying or subscription.again

    def _send(self, subscription: Subscription, version: int, content: dict[str, Any]) -> None:
        """Sends a snapshot, and after it what was sent while it was on its way: clients drop what is older."""
        mailbox, topic = subscription.session.mailbox, subscription.topic
        mailbox.put(frame("snapshot", {"topic": topic, "version": version, **content}), key=("snapshot", topic))
        for missed, key in subscription.missed or ():
            mailbox.put(missed, key)


def _in_words(error: grpc.aio.AioRpcError, passing: bool) -> dict[str, Any]:
    """The service's own reason; nothing of what a driver says."""
    if passing:
        return {**in_words(SnapshotUnavailable()), "retrying": True}
    reason = error.code().name
    info = error_details_pb2.ErrorInfo()
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info):
                    reason = info.reason
    return {"reason": reason, "message": error.details() or "", "retrying": False}
