"""The official JavaScript client, as browsers run it, against the edge."""

import asyncio
import fcntl
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from fieldstock_dev.node import node, npm
from fieldstock_dev.settings import CHECKOUT
from gateway.app import Edge
from gateway.testing import PATIENCE
from gateway.web import SOCKET_PATH
from servicekit.access import Kind

SOURCES = Path(__file__).parent / "js"
INSTALLED = CHECKOUT / "build" / "edge-watcher"


@pytest.fixture(scope="session")
def script() -> Path:
    """The client, beside the packages that it needs: fetched once, by the hashes of the lock file."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        done, wanted = INSTALLED / "done", (SOURCES / "package-lock.json").read_text()
        for name in ("package.json", "package-lock.json", "watcher.js"):
            shutil.copyfile(SOURCES / name, INSTALLED / name)
        if not done.exists() or done.read_text() != wanted:
            words = (*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
            subprocess.run(words, cwd=INSTALLED, check=True, timeout=100)
            done.write_text(wanted)
    return INSTALLED / "watcher.js"


class Page:
    """A process that runs the client, and what it told; what it was not asked for yet is kept."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self._url = url
        self._kept: list[tuple[str, Any]] = []

    async def connect(self, auth: Any) -> None:
        await self._do("connect", url=self._url, path=SOCKET_PATH, auth=auth)

    async def call(self, event: str, data: Any) -> Any:
        """The edge's answer."""
        await self._do("call", event=event, data=data)
        return await self.next("answer")

    async def next(self, name: str) -> Any:
        """The next event of this name, the client's own among them."""
        for place, (kept, data) in enumerate(self._kept):
            if kept == name:
                del self._kept[place]
                return data
        async with asyncio.timeout(PATIENCE * 2):
            while True:
                told, data = json.loads(await self._output.readline())
                if told == name:
                    return data
                self._kept.append((told, data))

    @property
    def _output(self) -> asyncio.StreamReader:
        assert self._process.stdout
        return self._process.stdout

    async def _do(self, what: str, **given: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"what": what, **given}).encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def running(script: Path, edge: Edge) -> AsyncIterator[Page]:
    process = await asyncio.create_subprocess_exec(
        *node(), script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**22
    )
    try:
        yield Page(process, f"http://127.0.0.1:{edge.port}")
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def open_page(script: Path, edge: Edge) -> AsyncIterator[Callable[[Any], Awaitable[Page]]]:
    """Starts a client that connects with what it is given."""
    async with AsyncExitStack() as stack:

        async def start(auth: Any) -> Page:
            page = await stack.enter_async_context(running(script, edge))
            await page.connect(auth)
            return page

        yield start


async def test_it_subscribes_gets_snapshots_and_hears_an_alert_as_rest_shows_it(
    open_page: Any, issuer: Any, telemetry: Any, publisher: Any
):
    telemetry.stats.devices.online = 3
    page = await open_page({"token": issuer.token()})
    await page.next("connect")
    answer = await page.call("subscribe", {"topics": ["alerts", "stats", "nonsense"]})
    assert answer["taken"] == ["alerts", "stats"]
    assert [refused["reason"] for refused in answer["refused"]] == ["UNKNOWN_TOPIC"]
    snapshots = {snapshot["topic"]: snapshot for snapshot in [await page.next("snapshot") for _ in range(2)]}
    assert snapshots["alerts"]["items"] == []
    assert snapshots["stats"]["items"][0]["devices"]["online"] == 3

    alert = await publisher.alert(severity="critical", value=91.2, message="temperature 91.2 above 85 °C")
    assert await page.next("alert") == MessageToDict(
        alert, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    assert (await page.next("stats"))["version"] > snapshots["stats"]["version"]


@pytest.mark.parametrize("kind", [None, Kind.DEVICE])
async def test_it_is_refused_without_a_token_that_may_watch_and_does_not_come_back(
    open_page: Any, issuer: Any, kind: Kind | None
):
    page = await open_page({} if kind is None else {"token": issuer.token(kind, 7)})
    refusal = await page.next("connect_error")
    assert (refusal["message"], refusal["active"]) == ("unauthorized", False)
    assert refusal["data"]["reason"] == ("TOKEN_MISSING" if kind is None else "PRINCIPAL_NOT_ADMITTED")


async def test_its_session_ends_with_the_token_and_it_does_not_come_back(open_page: Any, issuer: Any, edge: Edge):
    page = await open_page({"token": issuer.token(ttl=3)})
    await page.next("connect")
    assert (await page.next("session_expired"))["reason"] == "SESSION_EXPIRED"
    assert await page.next("disconnect") == {"reason": "io server disconnect", "active": False}
    assert len(edge.sessions) == 0


async def test_it_goes_on_with_a_fresh_token(open_page: Any, issuer: Any, publisher: Any):
    short = {"token": issuer.token(ttl=3)}
    page, other = await open_page(short), await open_page(short)
    await page.next("connect")
    assert "expires_at" in await page.call("authenticate", {"token": issuer.token(ttl=900)})
    await page.call("subscribe", {"topics": ["alerts"]})
    await other.next("session_expired")
    await publisher.alert()
    assert (await page.next("alert"))["id"] == "a1"


async def test_when_the_line_breaks_it_comes_back_by_itself(open_page: Any, issuer: Any, edge: Edge):
    page = await open_page({"token": issuer.token()})
    await page.next("connect")
    for session in list(edge.sessions._sessions.values()):
        session.wire.cut()
    assert (await page.next("disconnect"))["active"] is True
    await page.next("connect")
    assert "expires_at" in await page.call("authenticate", {"token": issuer.token()})
