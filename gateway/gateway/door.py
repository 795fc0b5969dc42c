"""What clients say, and what they are answered."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import socketio
from socketio.exceptions import ConnectionRefusedError as Refused

from gateway.errors import TokenMissing, TooManyTopics, TopicsMissing, UnknownEvent, in_words
from gateway.sessions import Session, Sessions
from gateway.snapshots import Snapshots
from gateway.topics import Subscriptions, read_topic
from gateway.wire import KEY, Wire
from servicekit.errors import Internal, KeysUnavailable, ServiceError
from servicekit.logs import logger

# What is told back of a topic that was refused.
LONGEST_ECHO = 100

Answer = dict[str, Any]


class Door:
    """The Socket.IO events that clients send. Nothing that they send ends their connection."""

    def __init__(
        self, sessions: Sessions, subscriptions: Subscriptions, snapshots: Snapshots, topics_per_client: int
    ) -> None:
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._snapshots = snapshots
        self._topics_per_client = topics_per_client

    def open(self, server: socketio.AsyncServer) -> None:
        """Begins to answer."""
        server.on("connect", self._connect)
        server.on("disconnect", self._disconnect)
        for event, handler in {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "authenticate": self._authenticate,
        }.items():
            server.on(event, self._answering(handler))
        server.on("*", self._unknown)

    async def _connect(self, sid: str, environ: Any, auth: Any = None, *_: Any) -> None:
        try:
            await self._sessions.admit(sid, _wire(environ), _token(auth))
        except KeysUnavailable as error:
            raise Refused("unavailable", in_words(error)) from None
        except ServiceError as error:
            raise Refused("unauthorized", in_words(error)) from None
        except Exception:  # noqa: BLE001 - a bug, as in _answering
            logger.exception("not_admitted", request_id=sid)
            raise Refused("unavailable", in_words(Internal(request_id=sid))) from None

    async def _disconnect(self, sid: str, *_: Any) -> None:
        # Whoever says goodbye is let go at once. Their end of the websocket might stay open otherwise.
        try:
            self._sessions.find(sid).wire.cut()
        except ServiceError:
            return

    async def _subscribe(self, session: Session, given: Any) -> Answer:
        def take(topic: str) -> None:
            followed = self._subscriptions.of(session)
            if topic not in followed and len(followed) >= self._topics_per_client:
                raise TooManyTopics(limit=self._topics_per_client)
            # The snapshot is asked for once events are collected, so that nothing falls in between.
            self._snapshots.refresh([self._subscriptions.take(session, topic)])

        return _each_topic(given, take)

    async def _unsubscribe(self, session: Session, given: Any) -> Answer:
        return _each_topic(given, lambda topic: self._subscriptions.drop(session, topic))

    async def _authenticate(self, session: Session, given: Any) -> Answer:
        caller = await self._sessions.renew(session, _token(given))
        return {"expires_at": datetime.fromtimestamp(caller.expires_at, UTC).isoformat().replace("+00:00", "Z")}

    async def _unknown(self, _event: str, _sid: str, *_: Any) -> Answer:
        return {"error": in_words(UnknownEvent())}

    def _answering(self, handler: Callable[[Session, Any], Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
        """The handler of an event: given its session and the first argument, and its failures told."""

        async def answer(sid: str, given: Any = None, *_: Any) -> Answer:
            try:
                session = self._sessions.find(sid)
                await session.wire.flowing()
                return await handler(session, given)
            except ServiceError as error:
                return {"error": in_words(error)}
            except Exception:  # noqa: BLE001 - a bug: the client learns a number, the log the rest
                number = str(uuid4())
                logger.exception("event_failed", request_id=number)
                return {"error": in_words(Internal(request_id=number))}

        return answer


def _wire(environ: Any) -> Wire:
    # A client may send an event named "connect": the library then calls the handler with what the client made up.
    scope = environ.get("asgi.scope") if isinstance(environ, dict) else None
    wire = scope.get(KEY) if isinstance(scope, dict) else None
    if not isinstance(wire, Wire):
        raise UnknownEvent
    return wire


def _token(given: Any) -> str:
    token = given.get("token") if isinstance(given, dict) else None
    if not isinstance(token, str) or not token:
        raise TokenMissing
    return token


def _each_topic(given: Any, use: Callable[[str], None]) -> Answer:
    """Uses each topic of a request once; tells which were taken, and why others were not."""
    topics = given.get("topics") if isinstance(given, dict) else None
    if not isinstance(topics, list):
        return {"taken": [], "refused": [{"topic": None, **in_words(TopicsMissing())}]}
    taken: dict[str, None] = {}
    refused: list[Answer] = []
    for wanted in topics:
        try:
            topic = read_topic(wanted)
            if topic not in taken:
                use(topic)
                taken[topic] = None
        except ServiceError as error:
            echo = wanted[:LONGEST_ECHO] if isinstance(wanted, str) else None
            refused.append({"topic": echo, **in_words(error)})
    return {"taken": list(taken), "refused": refused}
