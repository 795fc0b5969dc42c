"""Events on their way to the mailboxes: those of one moment are one write for each client."""

import asyncio
from collections.abc import Hashable, Iterable
from time import monotonic
from typing import NamedTuple

from gateway.mailbox import Letter
from gateway.sessions import Session
from gateway.topics import Subscriptions, device_topic

# A write costs the kernel ten microseconds for each client, whatever its length. Nobody sees that an alert has waited
# for so long; and when a site goes dark, a hundred may come in that time.
MOMENT_SECONDS, LONGEST_REST_SECONDS = 0.005, 0.05
# At most so many bytes are one write: what is above the connection's high-water mark waits in the mailbox.
LARGEST_WRITE = 32 * 1024


class _Event(NamedTuple):
    topics: tuple[str, ...]
    frame: bytes
    key: Hashable


class Fanout:
    """Gives events to whoever follows their topics, in order.

    A delivery is followed by a rest as long as it took itself, in which the next one gathers: the more clients there
    are, and the more happens, the more goes into one write, and there is time for who connects and asks meanwhile.
    """

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions
        self._events: list[_Event] = []
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._rested_at = 0.0

    def send(self, topics: Iterable[str], frame: bytes, key: Hashable = None) -> None:
        """Gives an event to whoever follows one of the topics, once; in a moment."""
        self._events.append(_Event(tuple(topics), frame, key))
        self._bytes += len(frame)
        if self._bytes >= LARGEST_WRITE:
            self._deliver()
        elif self._timer is None:
            pause = max(MOMENT_SECONDS, self._rested_at - monotonic())
            self._timer = asyncio.get_running_loop().call_later(pause, self._deliver)

    def send_reading(self, device_id: int, frame: bytes) -> None:
        """Gives a device's newest reading to whoever follows it, and has room for it."""
        for session in self._subscriptions.followers(device_topic(device_id)):
            session.mailbox.put_reading(device_id, frame)

    def _deliver(self) -> None:
        events, self._events, self._bytes = self._events, [], 0
        if self._timer:
            self._timer.cancel()
            self._timer = None
        # Not the loop's clock, which stands still while we write.
        began = monotonic()
        # Whoever is given the same events is given the same bytes.
        letters: dict[tuple[int, ...], Letter] = {}
        for session, places in self._places(events).items():
            if (letter := letters.get(which := tuple(places))) is None:
                letter = letters[which] = Letter([(events[place].frame, events[place].key) for place in places])
            session.mailbox.put_all(letter)
        ended = monotonic()
        self._rested_at = ended + min(ended - began, LONGEST_REST_SECONDS)

    def _places(self, events: list[_Event]) -> dict[Session, list[int]]:
        """Of each session, the places of the events that it is to be given."""
        reached: dict[Session, list[int]] = {}
        for place, event in enumerate(events):
            for topic in event.topics:
                for session, subscription in self._subscriptions.following(topic):
                    if subscription.missed is not None:
                        subscription.note(event.frame, event.key)
                    places = reached.get(session)
                    if places is None:
                        reached[session] = [place]
                    elif places[-1] != place:
                        places.append(place)
        return reached
