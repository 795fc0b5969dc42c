"""The REST API, as an administrator of the fleet uses it."""

import logging
import random
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from fieldstock_device.backoff import Backoff
from fieldstock_device.clock import Clock, SystemClock, sleep

_log = logging.getLogger("fieldstock.simulate")

_TIMEOUT_S = 15.0
_PAGE_SIZE = 500
_PATIENCE_CAP_S = 10.0


class Refused(Exception):
    """The server answered, and the answer is no."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


class Admin:
    """Signed in as an administrator; waits for a server that is not there (yet), however long it takes."""

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        rng: random.Random,
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, transport=transport)
        self._credential = {"username": username, "password": password}
        self._rng = rng
        self._clock = clock if clock is not None else SystemClock()
        self._token = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str | int
    ) -> dict[str, Any]:
        """Raises Refused. May be carried out twice: when the answer is lost, the same is asked again."""
        if not self._token:
            self._token = await self._sign_in()
        response = await self._persist(method, path, body, query)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._token = await self._sign_in()
            response = await self._persist(method, path, body, query)
        return _content(response)

    async def pages(self, path: str, field: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """Everything that a list holds."""
        page_token = ""
        while True:
            page = await self.call("GET", path, None, page_size=_PAGE_SIZE, page_token=page_token, **query)
            for item in page.get(field, ()):
                yield item
            page_token = page.get("next_page_token", "")
            if not page_token:
                return

    async def _sign_in(self) -> str:
        return _content(await self._persist("POST", "/auth/login", self._credential, {}))["access_token"]

    async def _persist(
        self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, str | int]
    ) -> httpx.Response:
        """The first answer that is about the request, and not about the state of the server."""
        backoff = Backoff(self._rng, base=0.5)
        while True:
            try:
                response = await self._http.request(
                    method,
                    path,
                    json=body,
                    params={name: value for name, value in query.items() if value != ""},
                    headers={"authorization": f"Bearer {self._token}"} if path != "/auth/login" else {},
                )
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
            else:
                busy = response.status_code == httpx.codes.TOO_MANY_REQUESTS
                if not busy and not response.is_server_error:
                    return response
                trouble = f"answered {response.status_code}"
            _log.log(
                logging.WARNING if backoff.attempts in (3, 10, 30) else logging.DEBUG,
                "waiting for the server: %s %s %s",
                method,
                path,
                trouble,
            )
            await sleep(self._clock, backoff.next(cap=_PATIENCE_CAP_S))


def _content(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError as error:
        raise Refused(response.status_code, "NOT_JSON", response.text[:200]) from error
    if response.is_success:
        return content
    reasons = [detail["reason"] for detail in content.get("details", ()) if "reason" in detail]
    raise Refused(response.status_code, reasons[0] if reasons else "UNKNOWN", content.get("message", ""))
