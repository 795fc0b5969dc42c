"""fieldstock.telemetry.v1.ReadingService: read, call, render."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fieldstock.telemetry.v1 import reading_service_pb2, reading_service_pb2_grpc
from servicekit.access import own_device
from servicekit.errors import InvalidField
from servicekit.paging import ID, MILLISECONDS, Page, read_page
from telemetry_svc.clock import Clock
from telemetry_svc.codec import bucket, reading
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import Ids
from telemetry_svc.errors import UnknownDevice
from telemetry_svc.history.listing import Listing
from telemetry_svc.history.queries import Readings, Span
from telemetry_svc.servicers.requests import milliseconds

# The last moment that a Timestamp can say.
END_OF_TIME_MS = 253_402_300_800_000
HOUR_MS = 3_600_000
MOST_DEVICES = 100
LONGEST_STEP = 366 * 86_400


class ReadingServicer(reading_service_pb2_grpc.ReadingServiceServicer):
    """Reading back what was measured."""

    def __init__(self, readings: Readings, listing: Listing, fleet: Fleet, clock: Clock) -> None:
        self._readings = readings
        self._listing = listing
        self._fleet = fleet
        self._clock = clock

    async def ListReadings(self, request: Any, context: Any) -> reading_service_pb2.ListReadingsResponse:
        start_ms, end_ms = _range(request, self._clock() - HOUR_MS)
        page = read_page(request, ID, MILLISECONDS)
        devices = self._devices(request.device_id)
        span, first_end_ms = Span(start_ms, end_ms, set(request.metric)), end_ms
        if page.after:
            device_id, before_ms = map(int, page.after)
            devices = devices[devices >= device_id]
            first_end_ms = before_ms if len(devices) and devices[0] == device_id else end_ms
        found = await self._listing.page(devices, span, page.size, first_end_ms)
        rest = found.rest and (found.rest[0], min(found.rest[1], MILLISECONDS[-1]))
        return reading_service_pb2.ListReadingsResponse(
            readings=[reading(one.device_id, one.time_ms, one.metrics, one.received_ms) for one in found.readings],
            next_page_token=page.token(rest) if rest else "",
        )

    def _devices(self, named: Sequence[int]) -> Ids:
        if len(named) > MOST_DEVICES:
            raise InvalidField("device_id", f"must not be more than {MOST_DEVICES}")
        for device_id in named:
            if self._fleet.status_of(device_id) is Status.UNKNOWN:
                raise UnknownDevice(device_id=device_id)
        return (np.unique(named) if named else self._fleet.known()).astype(np.int32)

    async def ListDeviceReadings(self, request: Any, context: Any) -> reading_service_pb2.ListDeviceReadingsResponse:
        own_device(request.device_id)
        start_ms, end_ms = _range(request, 0)
        page = read_page(request, MILLISECONDS)
        if self._fleet.status_of(request.device_id) is Status.UNKNOWN:
            raise UnknownDevice(device_id=request.device_id)
        if page.after:
            end_ms = min(end_ms, int(page.after[0]))
        span = Span(start_ms, end_ms, set(request.metric))
        if step := _step(request):
            return await self._buckets(request.device_id, span, step, page)
        found = await self._readings.newest_first(request.device_id, span, page.size + 1)
        shown = found[: page.size]
        return reading_service_pb2.ListDeviceReadingsResponse(
            readings=[reading(request.device_id, one.time_ms, one.metrics, one.received_ms) for one in shown],
            next_page_token=page.token([shown[-1].time_ms]) if len(found) > len(shown) else "",
        )

    async def _buckets(
        self, device_id: int, span: Span, step: int, page: Page
    ) -> reading_service_pb2.ListDeviceReadingsResponse:
        found = await self._readings.buckets(device_id, span, 1000 * step, page.size + 1)
        shown = found[: page.size]
        return reading_service_pb2.ListDeviceReadingsResponse(
            buckets=[bucket(one.start_ms, one.metrics) for one in shown],
            # The next page ends where the last bucket begins.
            next_page_token=page.token([shown[-1].start_ms]) if len(found) > len(shown) else "",
        )


def _step(request: Any) -> int:
    if not 0 <= request.step <= LONGEST_STEP:
        raise InvalidField("step", f"must be from 0 to {LONGEST_STEP}")
    return request.step


def _range(request: Any, earliest_ms: int) -> tuple[int, int]:
    start_ms, end_ms = milliseconds(request, "start_time"), milliseconds(request, "end_time")
    start_ms = earliest_ms if start_ms is None else start_ms
    end_ms = END_OF_TIME_MS if end_ms is None else end_ms
    if start_ms > end_ms:
        raise InvalidField("start_time", "must not be after end_time")
    return start_ms, end_ms
