"""What is served of the description, and with which headers."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.docs.page import page

_HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    # Kept, and asked about each time: a release shows at once, and costs nothing when there was none.
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_BESIDES = {
    "style.css": "text/css; charset=utf-8",
    "script.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def routes() -> list[Route]:
    """The page is written once, here; a request only picks it up."""
    folder = files("gateway.docs")
    document = folder.joinpath("openapi.json").read_text("utf-8")
    shown = _always(page(json.loads(document)), "text/html; charset=utf-8")
    return [
        Route("/docs", shown),
        Route("/docs/", shown),
        *(
            Route(f"/docs/{name}", _always(folder.joinpath(name).read_text("utf-8"), content_type))
            for name, content_type in _BESIDES.items()
        ),
        Route("/openapi.json", _always(document, "application/json")),
    ]


def _always(text: str, content_type: str) -> Callable[[Request], Awaitable[Response]]:
    content = text.encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**_HEADERS, "etag": etag}

    async def answer(request: Request) -> Response:
        # A proxy that compresses makes the tag a weak one.
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if etag in known:
            return Response(status_code=304, headers=headers)
        return Response(content, headers={**headers, "content-type": content_type})

    return answer
