"""The wiring of inventory-svc: built top to bottom, closed bottom to top."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from fieldstock.inventory.v1 import (
    device_service_pb2_grpc,
    device_type_service_pb2_grpc,
    settings_service_pb2_grpc,
    stock_service_pb2_grpc,
)
from inventory_svc import events
from inventory_svc.device_settings import SettingsOfDevices
from inventory_svc.device_types import DeviceTypes
from inventory_svc.devices import Devices
from inventory_svc.periodic import repeating
from inventory_svc.servicers.device_settings import DeviceSettingsServicer
from inventory_svc.servicers.device_types import DeviceTypeServicer
from inventory_svc.servicers.devices import DeviceServicer
from inventory_svc.servicers.stock import StockServicer
from inventory_svc.settings import Settings
from inventory_svc.stock import Stock
from inventory_svc.watches import Watches, ending, noticing
from servicekit.access import Verifier
from servicekit.broker import Broker
from servicekit.database import Database
from servicekit.keys import verifying
from servicekit.observability import expose
from servicekit.outbox import relaying
from servicekit.server import Server, serve

NAME = "inventory-svc"
# How often each replica looks whether there is something to fold, or to release; and of these, how many in one go.
FOLD_SECONDS, RELEASE_SECONDS, RELEASED_AT_ONCE = 1.0, 1.0, 100


def utc_now() -> datetime:
    """The clock of a running service."""
    return datetime.now(UTC)


@asynccontextmanager
async def running(
    settings: Settings, verifier: Verifier | None = None, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Server]:
    """The service, until the block ends. `verifier`: another than the one that asks auth-svc for its keys."""
    async with AsyncExitStack() as stack:
        stack.enter_context(expose(settings.metrics_listen))
        database = await stack.enter_async_context(Database(settings.postgres_url))
        broker = await stack.enter_async_context(Broker(settings.amqp_url, NAME))
        verifier = verifier or await stack.enter_async_context(verifying(settings.auth_target, broker))
        await stack.enter_async_context(relaying(settings.postgres_url, broker, events.INFORMATIVE))
        devices, stock, watches = Devices(database, clock), Stock(database), Watches()
        await stack.enter_async_context(noticing(settings.postgres_url, watches))
        await stack.enter_async_context(repeating(stock.fold, FOLD_SECONDS))
        await stack.enter_async_context(repeating(lambda: devices.release_expired(RELEASED_AT_ONCE), RELEASE_SECONDS))
        registrations = [
            (device_service_pb2_grpc.add_DeviceServiceServicer_to_server, DeviceServicer(devices)),
            (stock_service_pb2_grpc.add_StockServiceServicer_to_server, StockServicer(stock)),
            (
                device_type_service_pb2_grpc.add_DeviceTypeServiceServicer_to_server,
                DeviceTypeServicer(DeviceTypes(database, clock)),
            ),
            (
                settings_service_pb2_grpc.add_DeviceSettingsServiceServicer_to_server,
                DeviceSettingsServicer(SettingsOfDevices(database, watches, clock)),
            ),
        ]
        server = await stack.enter_async_context(serve(settings.listen, registrations, verifier))
        stack.enter_context(ending(watches))
        yield server
