"""Questions about a fleet of 1,000,000 devices, and about one of 10,000: the answers should take as long."""

import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

from bench.pace import Pace
from fieldstock.inventory.v1 import device_service_pb2 as devices_pb
from fieldstock.inventory.v1 import device_service_pb2_grpc, stock_service_pb2, stock_service_pb2_grpc
from fieldstock_dev.stack import Stack
from inventory_svc.__main__ import MIGRATIONS
from inventory_svc.app import running
from inventory_svc.settings import Settings
from servicekit.testing import Issuer, channel_to, eventually, fresh_database, fresh_vhost

FEW, MANY = 10_000, 1_000_000
ROUNDS = 50

# The fleet grows within the places and types that it has; devices of one place were registered one after another in
# part, so that what a list looks for is not spread evenly either.
FLEET = """
    COPY t_devices (name, type, serial_number, status, location) FROM STDIN
"""
TYPES = ("sensor", "gateway", "camera", "meter", "lock")
STATUSES = ("in_stock",) * 5 + ("deployed",) * 12 + ("maintenance",) * 2 + ("retired",)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet that can be asked."""

    size: int
    devices: Any
    stock: Any
    metadata: Any

    async def page(self, **filters: Any) -> int:
        """How many devices the first page has."""
        answer = await self.devices.ListDevices(devices_pb.ListDevicesRequest(**filters), metadata=self.metadata)
        return len(answer.devices)


Question = Callable[[Fleet], Awaitable[object]]

QUESTIONS: dict[str, Question] = {
    "status_and_type": lambda fleet: fleet.page(status="maintenance", type="gateway"),
    "location": lambda fleet: fleet.page(location="site 42/hall 2"),
    "below_location": lambda fleet: fleet.page(location="site 42/*", status="deployed"),
    "by_name": lambda fleet: fleet.page(type="camera", order_by="-name"),
    "serial_look_up": lambda fleet: fleet.page(q=f"sn-{fleet.size // 2:07d}"),
    "prefix": lambda fleet: fleet.page(q="press 0004"),
    "prefix_of_the_newest": lambda fleet: fleet.page(q=f"press {fleet.size - 1:07d}"[:-2]),
    "stock": lambda fleet: fleet.stock.GetStock(stock_service_pb2.GetStockRequest(), metadata=fleet.metadata),
}


async def lists(stack: Stack, pace: Pace) -> dict[str, float]:
    """The time of each question with 1,000,000 devices over that with 10,000, through gRPC; and the worst of them."""
    os.environ["FIELDSTOCK_POSTGRES_URL"] = stack.postgres_url
    os.environ["FIELDSTOCK_AMQP_URL"] = stack.amqp_url
    os.environ["FIELDSTOCK_RABBITMQ_MANAGEMENT_URL"] = stack.rabbitmq_management_url
    async with AsyncExitStack() as opened:
        few, many = await _fleet(opened, FEW), await _fleet(opened, round(MANY * pace.size))
        figures: dict[str, float] = {}
        for name, ask in QUESTIONS.items():
            with_few, with_many = await _compare(ask, few, many)
            figures[f"rest.list.{name}_ms_at_1m"] = with_many * 1000
            figures[f"rest.list.{name}_ratio"] = with_many / with_few
    worst = max(value for name, value in figures.items() if name.endswith("_ratio"))
    return {**figures, "rest.list_page_ratio_1m_to_10k": worst}


async def _compare(ask: Question, few: Fleet, many: Fleet) -> tuple[float, float]:
    """Median seconds of both; in turn, so that whatever else the machine does befalls both."""
    took: dict[int, list[float]] = {few.size: [], many.size: []}
    for round in range(ROUNDS + 5):
        for fleet in (few, many):
            began = perf_counter()
            await ask(fleet)
            if round >= 5:
                took[fleet.size].append(perf_counter() - began)
    return median(took[few.size]), median(took[many.size])


async def _fleet(opened: AsyncExitStack, size: int) -> Fleet:
    url, issuer = opened.enter_context(fresh_database(MIGRATIONS)), Issuer()
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.cursor().copy(FLEET) as copy:
            for n in range(1, size + 1):
                place = f"Site {n % 100 if n % 2 else n * 100 // (size + 1)}/Hall {n % 7}"
                copy.write_row((f"Press {n:07d}", TYPES[n % 5], f"SN-{n:07d}", STATUSES[n * 7 % 20], place))
        connection.execute("VACUUM ANALYZE")
    settings = Settings(
        postgres_url=url, amqp_url=opened.enter_context(fresh_vhost()), auth_target="127.0.0.1:1", listen="127.0.0.1:0"
    )
    server = await opened.enter_async_context(running(settings, issuer.verifier()))
    channel = await opened.enter_async_context(channel_to(server.port))

    async def folded() -> bool:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT count(*) FROM t_stock_changes").fetchone() == (0,)

    await eventually(folded, within=30, every=0.2)
    return Fleet(
        size,
        device_service_pb2_grpc.DeviceServiceStub(channel),
        stock_service_pb2_grpc.StockServiceStub(channel),
        issuer.metadata(),
    )
