"""fieldstock.auth.v1.SessionService: read, call, render."""

from typing import Any

from google.protobuf.empty_pb2 import Empty

from auth_svc.tokens import Sessions, TokenPair
from fieldstock.auth.v1 import session_service_pb2, session_service_pb2_grpc


class SessionServicer(session_service_pb2_grpc.SessionServiceServicer):
    """Sessions over gRPC, and through Envoy over REST."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def Login(self, request: Any, context: Any) -> session_service_pb2.TokenPair:
        return _pair(await self._sessions.login(request.username, request.password))

    async def Refresh(self, request: Any, context: Any) -> session_service_pb2.TokenPair:
        return _pair(await self._sessions.refresh(request.refresh_token))

    async def Logout(self, request: Any, context: Any) -> Empty:
        await self._sessions.logout(request.refresh_token)
        return Empty()


def _pair(pair: TokenPair) -> session_service_pb2.TokenPair:
    return session_service_pb2.TokenPair(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        token_type="Bearer",
        expires_in=pair.expires_in,
    )
