"""What the edge answers over plain HTTP."""

from collections.abc import Callable
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import docs, page
from gateway.errors import NoSuchPage, NotServing, WebsocketOnly
from gateway.wire import App, Receive, Scope, Send
from servicekit.errors import ServiceError

SOCKET_PATH = "/ws/monitoring"


def _failure(status: int, error: ServiceError) -> JSONResponse:
    """A failure as Envoy renders those of the services."""
    return JSONResponse({"details": [], **MessageToDict(error.status())}, status)


def routed(socket: App, serving: Callable[[], bool], built_page: Path | None = None) -> App:
    """Websockets on SOCKET_PATH go to `socket`; all else is answered here. `built_page`: the dashboard's folder."""

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}) if serving() else _failure(503, NotServing())

    async def not_a_websocket(_request: Request) -> Response:
        return _failure(400, WebsocketOnly())

    async def nothing_here(_request: Request, _error: Exception) -> Response:
        return _failure(404, NoSuchPage())

    every = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
    pages = Starlette(
        routes=[
            *docs.routes(),
            *page.routes(built_page),
            Route("/healthz", health),
            Route(SOCKET_PATH, not_a_websocket, methods=every),
            Route(f"{SOCKET_PATH}/", not_a_websocket, methods=every),
        ],
        exception_handlers={404: nothing_here},
    )

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await pages(scope, receive, send)
        elif scope["path"].rstrip("/") == SOCKET_PATH:
            await socket(scope, receive, send)
        else:
            # Before the handshake this is a plain refusal, 403.
            await send({"type": "websocket.close"})

    return route
