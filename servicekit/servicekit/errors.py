"""What can go wrong, said once: an error class is its contract, and becomes a google.rpc.Status in one place."""

import inspect
from collections.abc import Mapping
from typing import ClassVar

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "fieldstock"

# Of what a caller sent, so much is told back. Errors travel in headers: longer ones than a proxy takes end its whole
# connection to the service, and with it the calls of everybody else on it.
LONGEST_FACT = 500


class ServiceError(Exception):
    """A failure that the caller is told about.

    A subclass's docstring is its message, filled in with the facts it was raised with; the facts also travel as the
    metadata of google.rpc.ErrorInfo. `reason` is stable: clients may branch on it.
    """

    code: ClassVar[grpc.StatusCode]
    reason: ClassVar[str]

    def __init__(self, *, retry_after: float | None = None, **facts: object) -> None:
        """`retry_after`: seconds after which another try makes sense, for failures that pass."""
        self.facts = {name: _short(fact) for name, fact in facts.items()}
        self.retry_after = retry_after
        self.message = inspect.cleandoc(type(self).__doc__ or "").format_map(self.facts)
        super().__init__(self.message)

    def details(self) -> list[error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo | error_details_pb2.BadRequest]:
        """The google.rpc details, ErrorInfo first."""
        metadata = {name: str(value) for name, value in self.facts.items()}
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=metadata)
        if self.retry_after is None:
            return [info]
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(self.retry_after * 1e9))
        return [info, error_details_pb2.RetryInfo(retry_delay=delay)]

    def status(self) -> status_pb2.Status:
        """The failure as it goes over the wire."""
        packed = [any_pb2.Any() for _ in self.details()]
        for box, detail in zip(packed, self.details(), strict=True):
            box.Pack(detail)
        return status_pb2.Status(code=self.code.value[0], message=self.message, details=packed)


def _short(fact: object) -> object:
    return f"{fact[:LONGEST_FACT]}…" if isinstance(fact, str) and len(fact) > LONGEST_FACT else fact


class MalformedRequest(ServiceError):
    """The request is not the protobuf that {method} takes."""

    code, reason = grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"


class InvalidFields(ServiceError):
    """{summary}"""

    code, reason = grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"

    def __init__(self, violations: Mapping[str, str]) -> None:
        """`violations`: field → what is wrong with it, as in "must not be empty"."""
        self.violations = violations
        super().__init__(summary="; ".join(f"{field} {why}" for field, why in violations.items()) + ".")
        self.facts = {}

    def details(self) -> list[error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo | error_details_pb2.BadRequest]:
        """ErrorInfo, and a BadRequest that names each field."""
        fields = [
            error_details_pb2.BadRequest.FieldViolation(field=field, description=why)
            for field, why in self.violations.items()
        ]
        return [*super().details(), error_details_pb2.BadRequest(field_violations=fields)]


class InvalidField(InvalidFields):
    """{summary}"""

    def __init__(self, field: str, why: str) -> None:
        super().__init__({field: why})


class StaleVersion(ServiceError):
    """It is at version {current}; version {version} was read before that. Read it again."""

    code, reason = grpc.StatusCode.ABORTED, "STALE_VERSION"


class Unauthenticated(ServiceError):
    """{why}."""

    code, reason = grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"


class PermissionDenied(ServiceError):
    """{who} may not call {method}."""

    code, reason = grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"


class NotOwnDevice(ServiceError):
    """Device {own} reaches its own data alone, not that of device {device_id}."""

    code, reason = grpc.StatusCode.PERMISSION_DENIED, "NOT_OWN_DEVICE"


class KeysUnavailable(ServiceError):
    """The keys that verify tokens cannot be had right now."""

    code, reason = grpc.StatusCode.UNAVAILABLE, "KEYS_UNAVAILABLE"


class DatabaseUnavailable(ServiceError):
    """The database cannot answer right now."""

    code, reason = grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"


class DeadlineExceeded(ServiceError):
    """It took longer than {seconds} s and was given up."""

    code, reason = grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"


class Internal(ServiceError):
    """Something went wrong on our side. Please mention request {request_id}."""

    code, reason = grpc.StatusCode.INTERNAL, "INTERNAL"
