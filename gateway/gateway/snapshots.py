"""The present state of a topic, brought to whoever begins to follow it, and to all when events may have been missed."""

import asyncio
import time
from collections.abc import Callable, Iterable
from random import uniform
from typing import Any, Self

import grpc
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import SnapshotUnavailable, in_words
from gateway.frames import frame
from gateway.present import Present
from gateway.settings import Limits
from gateway.topics import Subscription

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
    """Brings snapshots, one at a time for each subscription."""

    def __init__(self, present: Present, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._present = present
        self._limits = limits
        self._clock = clock
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
            try:
                snapshot = await self._present.snapshot(subscription.topic, subscription.session.caller)
            except grpc.aio.AioRpcError as error:
                retrying = error.code() in PASSING
                if error.code() != told:
                    told = error.code()
                    self._send(subscription, self._failed(subscription.topic, error, retrying))
            else:
                self._send(subscription, snapshot)
                delay, told, retrying = self._limits.first_retry_seconds, None, False
            # What happens from here on the next attempt will know of.
            subscription.missed = None
            if retrying:
                await asyncio.sleep(uniform(delay / 2, delay))
                delay = min(delay * 2, self._limits.longest_retry_seconds)
            wanted = retrying or subscription.again

    def _failed(self, topic: str, error: grpc.aio.AioRpcError, retrying: bool) -> bytes:
        version = int(self._clock() * 1000)
        return frame("snapshot", {"topic": topic, "version": version, "items": [], "error": _in_words(error, retrying)})

    def _send(self, subscription: Subscription, snapshot: bytes) -> None:
        """Sends a snapshot, and after it what was sent while it was on its way: clients drop what is older."""
        mailbox = subscription.session.mailbox
        mailbox.put(snapshot, key=("snapshot", subscription.topic))
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
