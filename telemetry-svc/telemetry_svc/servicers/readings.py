"""fieldstock.telemetry.v1.ReadingService: read, call, render."""

from typing import Any

from fieldstock.telemetry.v1 import reading_service_pb2, reading_service_pb2_grpc
from servicekit.access import own_device
from servicekit.errors import InvalidField
from servicekit.paging import MILLISECONDS, read_page
from telemetry_svc.codec import reading
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.errors import UnknownDevice
from telemetry_svc.history.queries import Readings

# The last moment that a Timestamp can say.
END_OF_TIME_MS = 253_402_300_800_000


class ReadingServicer(reading_service_pb2_grpc.ReadingServiceServicer):
    """Reading back what was measured."""

    def __init__(self, readings: Readings, fleet: Fleet) -> None:
        self._readings = readings
        self._fleet = fleet

    async def ListDeviceReadings(self, request: Any, context: Any) -> reading_service_pb2.ListDeviceReadingsResponse:
        own_device(request.device_id)
        start_ms, end_ms = _range(request)
        page = read_page(request, MILLISECONDS)
        if self._fleet.status_of(request.device_id) is Status.UNKNOWN:
            raise UnknownDevice(device_id=request.device_id)
        if page.after:
            end_ms = min(end_ms, int(page.after[0]))
        found = await self._readings.newest_first(
            request.device_id, start_ms=start_ms, end_ms=end_ms, metrics=set(request.metric), size=page.size + 1
        )
        shown = found[: page.size]
        return reading_service_pb2.ListDeviceReadingsResponse(
            readings=[reading(request.device_id, one.time_ms, one.metrics) for one in shown],
            next_page_token=page.token([shown[-1].time_ms]) if len(found) > len(shown) else "",
        )


def _range(request: Any) -> tuple[int, int]:
    start_ms = request.start_time.ToMilliseconds() if request.HasField("start_time") else 0
    end_ms = request.end_time.ToMilliseconds() if request.HasField("end_time") else END_OF_TIME_MS
    if start_ms > end_ms:
        raise InvalidField("start_time", "must not be after end_time")
    return start_ms, end_ms
