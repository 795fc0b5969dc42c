"""The dashboard's page: what `make up` built of gateway/dashboard, held in memory and served as it is.

`/`, and everything below `/app` that is no file, is the page itself: it reads from the address which view to show.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PREFIX = "/app"

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "vary": "accept-encoding",
}
# The name of an asset has the hash of its content; the page itself is asked about each time.
_FOREVER, _ASKED = "public, max-age=31536000, immutable", "no-cache"
# Below this, compressing saves no packet.
_WORTH_COMPRESSING = 1_000


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes | None
    headers: dict[str, str]

    @classmethod
    def read(cls, path: Path, *, hashed: bool) -> "_File":
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        text = kind.startswith("text/") or kind.endswith(("javascript", "json", "+xml"))
        small = gzip.compress(content, mtime=0) if text and len(content) > _WORTH_COMPRESSING else None
        headers = {
            **_HEADERS,
            "content-type": f"{kind}; charset=utf-8" if text else kind,
            "cache-control": _FOREVER if hashed else _ASKED,
            "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        }
        return cls(content, small, headers)

    def answer(self, request: Request) -> Response:
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if self.headers["etag"] in known:
            return Response(status_code=304, headers=self.headers)
        if self.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.compressed, headers={**self.headers, "content-encoding": "gzip"})
        return Response(self.content, headers=self.headers)


def routes(folder: Path | None) -> list[Route]:
    """Of the built page; none when there is none. Raises FileNotFoundError for a folder without a page."""
    if folder is None:
        return []
    page = _File.read(folder / "index.html", hashed=False)
    files = {
        f"{PREFIX}/{name}": _File.read(path, hashed=name.startswith("assets/"))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (name := path.relative_to(folder).as_posix()) != "index.html"
    }
    return [
        Route("/", _always(page)),
        *(Route(path, _always(file)) for path, file in files.items()),
        # An asset of a release that is gone is no page: the browser would take HTML for a script.
        Route(f"{PREFIX}/assets/{{name:path}}", _gone),
        Route(PREFIX, _always(page)),
        Route(f"{PREFIX}/{{view:path}}", _always(page)),
    ]


def _always(file: _File) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return file.answer(request)

    return answer


async def _gone(_request: Request) -> Response:
    return Response("This file is of another release: load the page again.", 404, {"cache-control": "no-store"})
