"""The wiring of the edge: built top to bottom, closed bottom to top."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import socketio

from gateway.door import Door
from gateway.fanout import Fanout
from gateway.numbers import Numbers
from gateway.present import Present
from gateway.relay import Relay
from gateway.server import LARGEST_MESSAGE, serve
from gateway.sessions import Sessions
from gateway.settings import Settings
from gateway.snapshots import Snapshots
from gateway.sources import Sources
from gateway.topics import Subscriptions
from gateway.web import SOCKET_PATH, routed
from gateway.wire import App, wired
from servicekit.access import Verifier
from servicekit.broker import Broker
from servicekit.channels import connect
from servicekit.keys import verifying
from servicekit.observability import expose

NAME = "gateway"


@dataclass(frozen=True, slots=True)
class Edge:
    """A running edge."""

    port: int
    sessions: Sessions


@asynccontextmanager
async def running(settings: Settings, verifier: Verifier | None = None) -> AsyncIterator[Edge]:
    """The edge, until the block ends. `verifier`: another than the one that asks auth-svc for its keys."""
    limits = settings.limits
    async with AsyncExitStack() as stack:
        stack.enter_context(expose(settings.metrics_listen))
        broker = await stack.enter_async_context(Broker(settings.amqp_url, NAME))
        verifier = verifier or await stack.enter_async_context(verifying(settings.auth_target, broker))
        telemetry = await stack.enter_async_context(connect(settings.telemetry_target))
        inventory = await stack.enter_async_context(connect(settings.inventory_target))
        sources = Sources(telemetry, inventory)
        present = await stack.enter_async_context(Present(sources))
        snapshots = await stack.enter_async_context(Snapshots(present, limits))
        subscriptions = Subscriptions()
        fanout = Fanout(subscriptions)
        numbers = await stack.enter_async_context(Numbers(sources, subscriptions, fanout, limits))
        sessions = Sessions(verifier, limits, on_end=subscriptions.drop_all)
        verifier.on_revocation(sessions.revoke)
        relay = Relay(broker, subscriptions, fanout, snapshots, numbers, limits.seconds_between_readings)
        relay.start()
        speaking = _socketio(settings.allowed_origins)
        stack.push_async_callback(speaking.shutdown)
        Door(sessions, subscriptions, snapshots, limits.topics_per_client).open(speaking)
        engine: App = socketio.ASGIApp(speaking, socketio_path=SOCKET_PATH)
        socket = wired(engine, limits.seconds_to_authenticate, limits.stall_seconds)
        app = routed(socket, lambda: relay.serving, settings.page)
        port = await stack.enter_async_context(serve(app, settings.listen))
        yield Edge(port, sessions)


def _socketio(allowed_origins: frozenset[str]) -> socketio.AsyncServer:
    # They log a traceback for each malformed packet of a client. Failures of our own handlers do not get that far.
    quiet = logging.getLogger("gateway.socketio")
    quiet.setLevel(logging.CRITICAL)
    return socketio.AsyncServer(
        async_mode="asgi",
        transports=["websocket"],
        # One request of a client at a time: the next is read when the one before is answered.
        async_handlers=False,
        max_http_buffer_size=LARGEST_MESSAGE,
        cors_allowed_origins=sorted(allowed_origins) or None,
        logger=quiet,  # pyright: ignore[reportArgumentType] - annotated as a bool, documented as either
        engineio_logger=quiet,
    )
