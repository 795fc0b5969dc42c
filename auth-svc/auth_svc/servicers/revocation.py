"""fieldstock.auth.v1.RevocationService: read, call, render."""

from typing import Any

from auth_svc.codec import revocation_to_proto
from auth_svc.revocations import Revocations
from fieldstock.auth.v1 import revocation_service_pb2, revocation_service_pb2_grpc
from servicekit.paging import TEXT, read_page


class RevocationServicer(revocation_service_pb2_grpc.RevocationServiceServicer):
    """Revocations, over gRPC and for other services alone."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations

    async def ListRevocations(self, request: Any, context: Any) -> revocation_service_pb2.ListRevocationsResponse:
        page = read_page(request, TEXT)
        after = str(page.after[0]) if page.after else ""
        found = await self._revocations.page(after=after, limit=page.size + 1)
        return revocation_service_pb2.ListRevocationsResponse(
            revocations=[revocation_to_proto(revocation) for revocation in found[: page.size]],
            next_page_token=page.token([found[page.size - 1].principal]) if len(found) > page.size else "",
        )
