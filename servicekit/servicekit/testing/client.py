"""Whoever calls a service, and what a refusal said."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

Metadata = tuple[tuple[str, str], ...]

# Seconds that a caller waits: the machine may be busy, and a password is slow to hash.
PATIENCE = 25.0


def metadata_of(token: str) -> Metadata:
    """gRPC metadata with a token."""
    return (("authorization", f"Bearer {token}"),)


@asynccontextmanager
async def channel_to(port: int) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server on this machine."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


class Client:
    """Services, called by one principal, by the names of their RPCs: `await client.GetUser(id=1)`.

    A subclass says which services: `protos` are the modules in which they are declared.
    """

    protos: tuple[Any, ...] = ()

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata) -> None:
        self.metadata = metadata
        self._channel = channel
        services = [service for proto in self.protos for service in proto.DESCRIPTOR.services_by_name.values()]
        self._methods: dict[str, Any] = {method.name: method for service in services for method in service.methods}

    def __getattr__(self, rpc: str) -> Callable[..., Any]:
        """The RPC, which takes the fields of its request."""
        if rpc not in self._methods:
            raise AttributeError(rpc)
        request = GetMessageClass(self._methods[rpc].input_type)
        return lambda **fields: self(rpc, request(**fields))

    def __call__(self, rpc: str, request: Any, timeout: float | None = PATIENCE) -> Any:
        """The call of an RPC with its request; with None, where it takes a stream of them."""
        method = self._methods[rpc]
        path = f"/{method.containing_service.full_name}/{rpc}"
        ends = (method.client_streaming, method.server_streaming)
        shape = "_".join("stream" if streams else "unary" for streams in ends)
        asked, answered = (GetMessageClass(kind) for kind in (method.input_type, method.output_type))
        call = getattr(self._channel, shape)(path, asked.SerializeToString, answered.FromString)
        return call(request, metadata=self.metadata, timeout=timeout)


class Refused:
    """What a failed call said: its code, the stable reason, the fields at fault, and the words."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        metadata = dict(error.trailing_metadata() or ())
        status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])  # pyright: ignore[reportArgumentType] - bytes
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(bad)
        self.code = error.code().name
        self.reason = info.reason
        self.fields = sorted(violation.field for violation in bad.field_violations)
        self.message = status.message


async def refused(call: Awaitable[object]) -> Refused:
    """Awaits a call that must fail. Raises AssertionError when it succeeds."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return Refused(error)
    raise AssertionError(f"not refused: {answer!r}")
