"""What clients can follow, and who follows what."""

import asyncio
import re
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.errors import InvalidTopic, UnknownTopic
from gateway.sessions import Session

ALERTS, PRESENCE, STATS, DEVICES = "alerts", "presence", "stats", "devices"
DEVICE = re.compile(r"device:([1-9][0-9]{0,9})")
HIGHEST_ID = 2**31 - 1

# Events that a snapshot on its way may not know of yet. More than these, and another snapshot is cheaper.
MISSED_AT_MOST = 1_000


def read_topic(given: Any) -> str:
    """Raises InvalidTopic, UnknownTopic."""
    if not isinstance(given, str):
        raise InvalidTopic
    if given not in (ALERTS, PRESENCE, STATS, DEVICES):
        device_id = device_of(given)
        if device_id is None or device_id > HIGHEST_ID:
            raise UnknownTopic
    return given


def device_topic(device_id: int) -> str:
    """All that happens to one device, its readings included."""
    return f"device:{device_id}"


def device_of(topic: str) -> int | None:
    """The id in a device's topic."""
    match = DEVICE.fullmatch(topic)
    return int(match[1]) if match else None


@dataclass(eq=False, slots=True)
class Subscription:
    """One client following one topic.

    `missed`: frames sent while a snapshot is on its way, to be sent again after it: the snapshot may have been taken
    before or after them. None when no snapshot is on its way. `again`: one more snapshot is wanted.
    """

    session: Session
    topic: str
    missed: list[tuple[bytes, Hashable]] | None = None
    again: bool = False
    task: asyncio.Task[None] | None = None

    def note(self, frame: bytes, key: Hashable) -> None:
        """A frame that was just sent."""
        if self.missed is None:
            return
        if len(self.missed) < MISSED_AT_MOST:
            self.missed.append((frame, key))
        else:
            self.again = True


class Subscriptions:
    """Who follows what."""

    def __init__(self) -> None:
        self._by_topic: dict[str, dict[Session, Subscription]] = {}
        self._by_session: dict[Session, dict[str, Subscription]] = {}
        self._devices: set[int] = set()

    def __iter__(self) -> Iterator[Subscription]:
        for followed in self._by_session.values():
            yield from followed.values()

    @property
    def devices(self) -> Collection[int]:
        """Ids of the devices that somebody follows."""
        return self._devices

    def of(self, session: Session) -> Collection[str]:
        """The topics that a session follows."""
        return self._by_session.get(session, {}).keys()

    def followers(self, topic: str) -> Collection[Session]:
        """Who follows a topic."""
        return self._by_topic.get(topic, {}).keys()

    def following(self, topic: str) -> Iterable[tuple[Session, Subscription]]:
        """Who follows a topic, by which subscription."""
        return self._by_topic.get(topic, {}).items()

    def followed(self, topics: Iterable[str]) -> bool:
        """Whether anybody follows one of the topics."""
        return any(topic in self._by_topic for topic in topics)

    def take(self, session: Session, topic: str) -> Subscription:
        """The session's subscription to the topic, made if there was none."""
        followed = self._by_session.setdefault(session, {})
        if topic not in followed:
            followed[topic] = Subscription(session, topic)
            self._by_topic.setdefault(topic, {})[session] = followed[topic]
            device_id = device_of(topic)
            if device_id is not None:
                self._devices.add(device_id)
        return followed[topic]

    def drop(self, session: Session, topic: str) -> None:
        """Ends a subscription, if there is one."""
        subscription = self._by_session.get(session, {}).pop(topic, None)
        if subscription is None:
            return
        if subscription.task:
            subscription.task.cancel()
        followers = self._by_topic[topic]
        del followers[session]
        device_id = device_of(topic)
        if device_id is not None:
            session.mailbox.forget_readings(device_id)
        if not followers:
            del self._by_topic[topic]
            if device_id is not None:
                self._devices.discard(device_id)

    def drop_all(self, session: Session) -> None:
        """Ends a session's subscriptions."""
        for topic in list(self.of(session)):
            self.drop(session, topic)
        self._by_session.pop(session, None)
