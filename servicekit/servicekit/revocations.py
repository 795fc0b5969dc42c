"""Revocations: what auth-svc takes back of tokens that are still in date, told to whoever verifies them."""

from collections.abc import AsyncIterator, Callable

import grpc

from fieldstock.auth.v1 import events_pb2, revocation_service_pb2, revocation_service_pb2_grpc
from servicekit.access import Verifier
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.paging import MAX_SIZE

KEY = "auth.principal.revoked"
DEADLINE_SECONDS = 5.0

# All revocations that may concern a token still in date: principal, and before when (seconds since 1970) it was issued.
# Raises ConnectionError when they cannot be had right now.
Source = Callable[[], AsyncIterator[tuple[str, float]]]


def follow(broker: Broker, verifier: Verifier, source: Source) -> None:
    """Has the verifier told of revocations until the broker is closed; at a (re)connect, of those it may have missed.

    While the broker is away none is heard of: what was revoked meanwhile is refused when it is back, or has expired.
    """

    async def hear(event: Event) -> None:
        verifier.revoke(*_read(events_pb2.PrincipalRevoked.FromString(event.body)))

    async def catch_up() -> None:
        async for principal, issued_before in source():
            verifier.revoke(principal, issued_before)

    broker.subscribe([KEY], hear, on_connect=catch_up)


def remote(channel: grpc.aio.Channel) -> Source:
    """The revocations that auth-svc tells of."""
    stub = revocation_service_pb2_grpc.RevocationServiceStub(channel)

    async def pages() -> AsyncIterator[tuple[str, float]]:
        request = revocation_service_pb2.ListRevocationsRequest(page_size=MAX_SIZE)
        while True:
            try:
                answer = await stub.ListRevocations(request, timeout=DEADLINE_SECONDS)
            except grpc.aio.AioRpcError as error:
                raise ConnectionError(f"auth-svc does not tell of revocations: {error.code().name}") from error
            for revoked in answer.revocations:
                yield _read(revoked)
            request.page_token = answer.next_page_token
            if not request.page_token:
                return

    return pages


def _read(revoked: events_pb2.PrincipalRevoked) -> tuple[str, float]:
    return revoked.principal, revoked.issued_before.seconds + revoked.issued_before.nanos / 1e9
