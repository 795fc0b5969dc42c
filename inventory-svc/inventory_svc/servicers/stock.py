"""fieldstock.inventory.v1.StockService: read, call, render."""

from typing import Any

from fieldstock.inventory.v1 import stock_service_pb2, stock_service_pb2_grpc
from inventory_svc.codec import level_to_proto
from inventory_svc.models import COUNTED
from inventory_svc.servicers.requests import LONGEST_LOCATION, LONGEST_TYPE
from inventory_svc.stock import Stock
from servicekit.fields import Fields
from servicekit.paging import TEXT, read_page

HIGHEST_MINIMUM = 1_000_000


class StockServicer(stock_service_pb2_grpc.StockServiceServicer):
    """Stock over gRPC, and through Envoy over REST."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    async def GetStock(self, request: Any, context: Any) -> Any:
        fields = Fields()
        type = fields.text("type", request.type, longest=LONGEST_TYPE)
        location = fields.text("location", request.location, longest=LONGEST_LOCATION + len("/*"))
        fields.check()
        page = read_page(request, TEXT, TEXT)
        after = (str(page.after[0]), str(page.after[1])) if page.after else None
        levels = await self._stock.page(type, location, after=after, limit=page.size + 1)
        shown, last = levels[: page.size], levels[page.size - 1 : page.size]
        return stock_service_pb2.Stock(
            levels=[level_to_proto(level) for level in shown if _says_something(level)],
            next_page_token=page.token([last[0].type, last[0].place]) if len(levels) > page.size else "",
        )

    async def SetStockLevel(self, request: Any, context: Any) -> stock_service_pb2.StockLevel:
        fields = Fields()
        type = fields.text("type", request.type, longest=LONGEST_TYPE, required=True)
        location = fields.text("location", request.location, longest=LONGEST_LOCATION, required=True)
        if location.endswith("/*"):
            fields.refuse("location", "must be one place, and not all that lies below it")
        if not 0 <= request.minimum <= HIGHEST_MINIMUM:
            fields.refuse("minimum", f"must be 0 to {HIGHEST_MINIMUM:,}")
        fields.check()
        return level_to_proto(await self._stock.set_minimum(type, location, request.minimum))


def _says_something(level: Any) -> bool:
    return bool(level.minimum or any(getattr(level, status) for status in COUNTED))
