"""The wiring of inventory-svc: built top to bottom, closed bottom to top."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from fieldstock.inventory.v1 import device_service_pb2_grpc
from inventory_svc.inventory import Inventory
from inventory_svc.servicers.devices import DeviceServicer
from inventory_svc.settings import Settings
from servicekit.access import Verifier
from servicekit.broker import Broker
from servicekit.database import Database
from servicekit.keys import verifying
from servicekit.observability import expose
from servicekit.outbox import relaying
from servicekit.server import Server, serve

NAME = "inventory-svc"


def utc_now() -> datetime:
    """The clock of a running service."""
    return datetime.now(UTC)


@asynccontextmanager
async def running(settings: Settings, verifier: Verifier | None = None) -> AsyncIterator[Server]:
    """The service, until the block ends. `verifier`: another than the one that asks auth-svc for its keys."""
    async with AsyncExitStack() as stack:
        stack.enter_context(expose(settings.metrics_listen))
        database = await stack.enter_async_context(Database(settings.postgres_url))
        broker = await stack.enter_async_context(Broker(settings.amqp_url, NAME))
        verifier = verifier or await stack.enter_async_context(verifying(settings.auth_target, broker))
        await stack.enter_async_context(relaying(settings.postgres_url, broker))
        devices = DeviceServicer(Inventory(database, utc_now))
        registrations = [(device_service_pb2_grpc.add_DeviceServiceServicer_to_server, devices)]
        yield await stack.enter_async_context(serve(settings.listen, registrations, verifier))
