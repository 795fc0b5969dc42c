"""Why the server would not go on, read once from what gRPC says."""

from typing import Self

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

_DETAILS_KEY = "grpc-status-details-bin"

DEVICE_NOT_DEPLOYED = "DEVICE_NOT_DEPLOYED"
INVALID_SEQUENCE = "INVALID_SEQUENCE"


class Failure(Exception):
    """An attempt that failed; all of them are tried again, what differs is when.

    `reason` is the ErrorInfo's, or the status code's name where the peer gave none. `retry_after` is the RetryInfo's,
    in seconds.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, *, reason: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or code.name
        self.retry_after = retry_after

    @classmethod
    def of(cls, code: grpc.StatusCode, message: str, trailers: aio.Metadata | None) -> Self:
        failure = cls(code, message)
        packed = trailers.get(_DETAILS_KEY) if trailers is not None else None
        if not isinstance(packed, bytes):
            return failure
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail in status_pb2.Status.FromString(packed).details:
            if detail.Unpack(info):
                failure.reason = info.reason
            elif detail.Unpack(retry):
                failure.retry_after = retry.retry_delay.ToTimedelta().total_seconds()
        return failure

    @property
    def is_refusal(self) -> bool:
        """True when asking again soon is pointless: somebody has to change something first."""
        return self.reason == DEVICE_NOT_DEPLOYED or self.code in (
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.PERMISSION_DENIED,
        )

    def __str__(self) -> str:
        return f"{self.code.name} / {self.reason}: {self.message}"
