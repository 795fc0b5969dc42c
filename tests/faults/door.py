"""A replica as its callers see it."""

from dataclasses import dataclass
from typing import Any, Self

import grpc

from fieldstock.telemetry.v1 import (
    alert_service_pb2_grpc,
    device_health_service_pb2_grpc,
    ingest_service_pb2_grpc,
    reading_service_pb2_grpc,
    rule_service_pb2_grpc,
    stats_service_pb2_grpc,
)

Metadata = tuple[tuple[str, str]]


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@dataclass(frozen=True, slots=True)
class Door:
    """One replica as its callers see it, at the end of a link."""

    channel: grpc.aio.Channel
    ingest: Any
    readings: Any
    stats: Any
    alerts: Any
    health: Any
    rules: Any

    @classmethod
    def of(cls, channel: grpc.aio.Channel) -> Self:
        return cls(
            channel,
            ingest_service_pb2_grpc.IngestServiceStub(channel),
            reading_service_pb2_grpc.ReadingServiceStub(channel),
            stats_service_pb2_grpc.StatsServiceStub(channel),
            alert_service_pb2_grpc.AlertServiceStub(channel),
            device_health_service_pb2_grpc.DeviceHealthServiceStub(channel),
            rule_service_pb2_grpc.RuleServiceStub(channel),
        )
