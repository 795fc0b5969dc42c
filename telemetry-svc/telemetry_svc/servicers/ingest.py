"""fieldstock.telemetry.v1.IngestService: read, call, render."""

import math
from typing import Any

from fieldstock.telemetry.v1 import ingest_service_pb2_grpc, reading_pb2
from servicekit.access import caller, own_device
from servicekit.errors import InvalidField
from servicekit.server import reads
from telemetry_svc.codec import reading
from telemetry_svc.ingest.intake import METRIC
from telemetry_svc.ingest.single import Singles
from telemetry_svc.ingest.sources import Sources, Stream
from telemetry_svc.ingest.wire import MAX_METRICS, read
from telemetry_svc.servicers.requests import milliseconds

SUMMARY = "stream-summary-bin"


class IngestServicer(ingest_service_pb2_grpc.IngestServiceServicer):
    """The ways in for readings."""

    def __init__(self, sources: Sources, singles: Singles) -> None:
        self._sources = sources
        self._singles = singles

    @reads(read)
    async def StreamReadings(self, request_iterator: Any, context: Any) -> reading_pb2.StreamSummary:
        stream: Stream | None = None
        try:
            async with self._sources.open(caller()) as stream:
                await context.send_initial_metadata((("rotate-after-ms", str(self._sources.rotate_after_ms)),))
                async for batch in request_iterator:
                    await stream.take(batch)
                await stream.settled()
            return _summary(stream)
        finally:
            context.set_trailing_metadata(((SUMMARY, _summary(stream).SerializeToString()),))

    async def CreateReading(self, request: Any, context: Any) -> reading_pb2.Reading:
        own_device(request.device_id)
        metrics = _metrics(request)
        time_ms = milliseconds(request, "time")
        time_ms = await self._singles.store(request.device_id, time_ms, metrics)
        return reading(request.device_id, time_ms, metrics)


def _metrics(request: Any) -> dict[str, float]:
    given = request.metrics.fields
    if not given:
        raise InvalidField("metrics", "is required")
    if len(given) > MAX_METRICS:
        raise InvalidField("metrics", f"must not be more than {MAX_METRICS}")
    for name, value in given.items():
        if not METRIC.fullmatch(name):
            raise InvalidField(f"metrics.{name[:64]}", f"is no metric name ({METRIC.pattern})")
        if value.WhichOneof("kind") != "number_value" or not math.isfinite(value.number_value):
            raise InvalidField(f"metrics.{name}", "must be a finite number")
    return {name: value.number_value for name, value in given.items()}


def _summary(stream: Stream | None) -> reading_pb2.StreamSummary:
    if stream is None:
        return reading_pb2.StreamSummary()
    rejections = [
        reading_pb2.Rejection(reason=reason, rows=tally.rows, message=tally.message)
        for reason, tally in sorted(stream.refused.items(), key=lambda item: -item[1].rows)
    ]
    return reading_pb2.StreamSummary(
        committed_sequence=stream.committed_sequence,
        accepted_rows=stream.accepted_rows,
        rejected_rows=sum(rejection.rows for rejection in rejections),
        rejections=rejections,
    )
