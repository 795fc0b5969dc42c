"""fieldstock.telemetry.v1.StatsService: read, call, render."""

from typing import Any

import numpy as np

from fieldstock.telemetry.v1 import stats_service_pb2, stats_service_pb2_grpc
from servicekit.errors import InvalidField
from telemetry_svc.clock import Clock
from telemetry_svc.codec import metric_stats
from telemetry_svc.columns.fleet import Fleet, Presence, Status, at
from telemetry_svc.columns.frame import Mask
from telemetry_svc.columns.tally import MINUTE_MS
from telemetry_svc.history.statistics import Statistics, Window
from telemetry_svc.watch.alerts import Alerts
from telemetry_svc.watch.rules import SEVERITIES

SHORTEST, LONGEST, USUAL = 60, 86_400, 3_600


class StatsServicer(stats_service_pb2_grpc.StatsServiceServicer):
    """The fleet in numbers."""

    def __init__(self, fleet: Fleet, alerts: Alerts, statistics: Statistics, clock: Clock) -> None:
        self._fleet = fleet
        self._alerts = alerts
        self._statistics = statistics
        self._clock = clock

    async def GetStats(self, request: Any, context: Any) -> stats_service_pb2.Stats:
        kind, location = request.type.strip(), request.location.strip()
        window = _window(request, self._clock())
        devices = self._fleet.of(kind, location)
        stats = stats_service_pb2.Stats(devices=self._counts(devices), alerts=await self._open(devices))
        stats.start_time.FromMilliseconds(window.start * MINUTE_MS)
        stats.end_time.FromMilliseconds(window.end * MINUTE_MS)
        for metric, numbers in (await self._statistics.of(window, at(kind, location))).items():
            stats.metrics[metric].CopyFrom(metric_stats(numbers))
        return stats

    def _counts(self, devices: Mask) -> stats_service_pb2.DeviceCounts:
        fleet = self._fleet
        watched = devices & (fleet.status == Status.DEPLOYED)
        online, seen = fleet.presence == Presence.ONLINE, fleet.last_seen_ms > 0
        return stats_service_pb2.DeviceCounts(
            online=int(np.count_nonzero(watched & online)),
            offline=int(np.count_nonzero(watched & ~online & seen)),
            never_seen=int(np.count_nonzero(watched & ~online & ~seen)),
        )

    async def _open(self, devices: Mask) -> stats_service_pb2.AlertCounts:
        device, rank, count = await self._alerts.open_by_severity({})
        mine = device < len(devices)
        mine[mine] = devices[device[mine]]
        totals = np.bincount(rank[mine], count[mine], minlength=len(SEVERITIES)).astype(int).tolist()
        return stats_service_pb2.AlertCounts(**dict(zip(SEVERITIES, totals, strict=True)))


def _window(request: Any, now_ms: int) -> Window:
    seconds = request.window or USUAL
    if not SHORTEST <= seconds <= LONGEST:
        raise InvalidField("window", f"must be from {SHORTEST} to {LONGEST}")
    return Window.of(now_ms - seconds * 1000, now_ms + 1)
