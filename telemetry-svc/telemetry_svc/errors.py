"""What this service's callers can be told."""

from grpc import StatusCode

from servicekit.errors import ServiceError


class UnknownDevice(ServiceError):
    """There is no device {device_id}."""

    code, reason = StatusCode.NOT_FOUND, "UNKNOWN_DEVICE"


class DeviceNotDeployed(ServiceError):
    """Device {device_id} is {status}; only deployed devices and those in maintenance send readings."""

    code, reason = StatusCode.FAILED_PRECONDITION, "DEVICE_NOT_DEPLOYED"


class TimeInFuture(ServiceError):
    """{message}"""

    code, reason = StatusCode.INVALID_ARGUMENT, "TIME_IN_FUTURE"


class TimeTooOld(ServiceError):
    """{message}"""

    code, reason = StatusCode.INVALID_ARGUMENT, "TIME_TOO_OLD"


class NotStorable(ServiceError):
    """{message}"""

    code, reason = StatusCode.INVALID_ARGUMENT, "NOT_STORABLE"


class TooManyMetrics(ServiceError):
    """{message}"""

    code, reason = StatusCode.INVALID_ARGUMENT, "TOO_MANY_METRICS"


class SourceReplaced(ServiceError):
    """A newer stream of source {source_id} is open."""

    code, reason = StatusCode.ABORTED, "SOURCE_REPLACED"


class InvalidSequence(ServiceError):
    """Batch {sequence} cannot follow batch {last}: sequences grow by one, from 1."""

    code, reason = StatusCode.INVALID_ARGUMENT, "INVALID_SEQUENCE"


class TooManyStreams(ServiceError):
    """Device {device_id} has {streams} streams open already."""

    code, reason = StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS"


class TokenExpired(ServiceError):
    """The token expired while the stream was open."""

    code, reason = StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED"


class TokenRevoked(ServiceError):
    """The token was revoked while the stream was open."""

    code, reason = StatusCode.UNAUTHENTICATED, "TOKEN_REVOKED"


class IngestUnavailable(ServiceError):
    """Readings cannot be stored right now. Nothing that was acknowledged is lost; send the rest again."""

    code, reason = StatusCode.UNAVAILABLE, "INGEST_UNAVAILABLE"


class AlertNotFound(ServiceError):
    """There is no alert {id}."""

    code, reason = StatusCode.NOT_FOUND, "ALERT_NOT_FOUND"


class AlertResolved(ServiceError):
    """Alert {id} is resolved since {resolved_at}."""

    code, reason = StatusCode.FAILED_PRECONDITION, "ALERT_RESOLVED"


class RuleNotFound(ServiceError):
    """There is no rule {id}."""

    code, reason = StatusCode.NOT_FOUND, "RULE_NOT_FOUND"
