"""Chromium in front of the product, and who sits there."""

import json
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from fieldstock_dev.browser import chromium as running_chromium
from fieldstock_dev.browser import driven
from fieldstock_dev.page import SOURCES, build
from fieldstock_dev.settings import CHECKOUT
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SESSION = "fieldstock.session"
"""Where the page keeps its tokens."""
SCREENSHOTS = CHECKOUT / "build" / "screenshots"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PASSWORD = "twelve-and-more"
# The machine may be busy with something else.
PATIENCE_MS = 40_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def site(stack: Stack) -> str:
    """The address of the page, as its sources are now."""
    build()
    # Anew only when another page was there before.
    stack.start("gateway")
    return stack.base_url


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One for all tests: the address at which it is driven."""
    folder = tmp_path_factory.mktemp("chromium")
    # Playwright's driver is started by each test, from what the first one has compiled.
    os.environ.setdefault("NODE_COMPILE_CACHE", str(folder / "driver"))
    with running_chromium(folder / "profile") as address:
        yield address


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with driven(chromium) as browser:
        yield browser


class Complaints:
    """What the pages of a test wrote as errors into the console, or threw."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._heard.append(f"thrown: {error}"))
        page.on("console", self._on_console)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._heard.append(f"{message.text} ({message.location.get('url', '')})")

    def allow(self, pattern: str) -> None:
        """Those that this is found in are what the test means to cause: the browser tells of each 4xx and 5xx."""
        self._allowed.append(re.compile(pattern))

    def left(self) -> list[str]:
        return [text for text in self._heard if not any(allowed.search(text) for allowed in self._allowed)]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Fails the test when there are any that it did not allow."""
    complaints = Complaints()
    yield complaints
    assert complaints.left() == []


@pytest.fixture(scope="session")
def users() -> dict[str, str]:
    """Names of users of a role, made when first wanted."""
    return {}


@pytest.fixture
def sign_in(anyone: Any, admin: Any, stack: Stack, users: dict[str, str]) -> Callable[[str], Awaitable[dict[str, Any]]]:
    """`await sign_in("viewer")`: what a login of a user of that role answers, of the first admin for "admin"."""

    async def sign_in(role: str) -> dict[str, Any]:
        if role == "admin":
            return await anyone(
                "POST", "/auth/login", {"username": stack.admin_username, "password": stack.admin_password}
            )
        if role not in users:
            name = f"{role}-{uuid4().hex[:6]}"
            await admin("POST", "/users/", {"username": name, "password": PASSWORD, "role": role})
            users[role] = name
        return await anyone("POST", "/auth/login", {"username": users[role], "password": PASSWORD})

    return sign_in


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_page(
    browser: Browser, site: str, complaints: Complaints, sign_in: Callable[[str], Awaitable[dict[str, Any]]]
) -> AsyncIterator[OpenPage]:
    """`await open_page("viewer", "/app/alerts")`: the page in a window of its own, signed in; role "" is nobody.

    More of Playwright's options for a context may be given: `viewport`, `color_scheme`.
    """
    contexts: list[BrowserContext] = []

    async def open_page(role: str = "admin", path: str = "/", **options: Any) -> Page:
        if role:
            answer = await sign_in(role)
            tokens = {
                "access": answer["access_token"],
                "refresh": answer["refresh_token"],
                "expires": int((time.time() + answer["expires_in"]) * 1000),
            }
            kept = [{"name": SESSION, "value": json.dumps(tokens)}]
            options["storage_state"] = {"cookies": [], "origins": [{"origin": site, "localStorage": kept}]}
        context = await browser.new_context(**{"base_url": site, "viewport": WIDE, "locale": "en-GB", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        complaints.listen(page)
        await page.goto(path)
        if role:
            await page.locator("[data-line=live]").wait_for()
        return page

    yield open_page
    for context in contexts:
        await context.close()


@pytest.fixture
async def page(open_page: OpenPage) -> Page:
    """The overview in a wide window, signed in as the first admin."""
    return await open_page()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, to be run in a page."""
    return (SOURCES / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


class Looks:
    """Looks at what pages show, in both sizes: takes pictures, and notes what is wrong."""

    def __init__(self, axe: str) -> None:
        self._axe = axe
        self.wrong: list[str] = []

    async def at(self, page: Page, name: str) -> None:
        scheme = await page.evaluate("document.documentElement.dataset.theme")
        for size, viewport in {"phone": PHONE, "wide": WIDE}.items():
            await page.set_viewport_size(viewport)
            await page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{size}.png", animations="disabled")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            if wide > viewport["width"]:
                self.wrong.append(f"{name}, {size}: {wide} pixels wide")
            await page.evaluate(self._axe)
            found = await page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", AXE_RULES)
            self.wrong += [
                f"{name}, {size}: {violation['id']}: {node['target']}: {' '.join(node['failureSummary'].split())}"
                for violation in found["violations"]
                for node in violation["nodes"]
            ]


@pytest.fixture
def looks(axe: str) -> Iterator[Looks]:
    """Fails the test when something that it looked at is wrong. The pictures are in build/screenshots."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    looks = Looks(axe)
    yield looks
    assert not looks.wrong, "\n".join(looks.wrong)


class Oven:
    """A device in the field that is too hot above 85 °C, until it is back at 80."""

    def __init__(self, device: Any, name: str, rule: dict[str, Any], admin: Any) -> None:
        self.device, self.id, self.name, self.rule = device, device.id, name, rule
        self._admin = admin

    async def measures(self, *celsius: float) -> None:
        for value in celsius:
            await self._admin("POST", "/monitoring/data", {"device_id": self.id, "metrics": {"temperature": value}})

    async def alerts(self, state: str = "active") -> list[dict[str, Any]]:
        """As REST has them, newest first."""
        return (await self._admin("GET", "/monitoring/alerts", params={"device_id": self.id, "state": state}))["alerts"]

    async def alert(self) -> dict[str, Any]:
        """The open one, which is about to open."""

        async def opened() -> dict[str, Any] | None:
            alerts = await self.alerts()
            return alerts[0] if alerts else None

        found = await eventually(opened, within=PATIENCE_MS / 1000)
        assert found
        return found


@pytest.fixture
async def oven(make_ready: Callable[[], Awaitable[Any]], admin: Any) -> Oven:
    device = await make_ready()
    name = (await admin("GET", f"/devices/{device.id}"))["name"]
    rule = await admin(
        "POST",
        "/monitoring/rules",
        {
            "name": f"Too hot: {device.id}",
            "kind": "threshold",
            "severity": "critical",
            "enabled": True,
            "device_id": device.id,
            "threshold": {"metric": "temperature", "direction": "above", "limit": 85, "clear_limit": 80},
        },
    )
    return Oven(device, name, rule, admin)


@pytest.fixture
async def new_devices(admin: Any) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    """`await new_devices(3)`: new devices in stock, of a type of their own, which telemetry has heard of."""

    async def new_devices(count: int, **fields: Any) -> list[dict[str, Any]]:
        kind = f"type-{uuid4().hex[:8]}"
        made = [
            (await admin.new_device(**{"type": kind, "name": f"Scale {number:03}", **fields}))[0]
            for number in range(count)
        ]

        async def heard_of() -> bool:
            found = await admin("GET", "/monitoring/devices", params={"type": kind, "page_size": 500})
            return len(found["devices"]) == count

        await eventually(heard_of, within=20)
        return made

    return new_devices
