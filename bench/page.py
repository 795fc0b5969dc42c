"""The page in Chromium, on a stack of its own: a million devices would slow down what is measured after it."""

import asyncio
import gzip
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from playwright.async_api import Browser, Page, Route

from bench.fleet import deploy, fielded, sign_in
from bench.pace import Pace
from fieldstock_dev.browser import chromium, driven
from fieldstock_dev.page import BUILT
from fieldstock_dev.stack import Stack
from servicekit.testing import eventually

DEVICES, FIELDED, POINTS, ROUNDS = 1_000_000, 50, 10_000, 9
POINTS_MS_APART = 80
PATIENCE_MS = 120_000

# Until the number that takes longest is there, and the frame that shows it.
RENDERED = """
    new Promise(done => {
        const figures = ["devices", "online", "alerts"].map(name => `[data-figure=${name}]`);
        const look = () => figures.every(figure => /[0-9]/.test(document.querySelector(figure)?.textContent))
            ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look);
        look();
    })
"""
NEXT_PAGE = """
    new Promise(done => {
        const first = () => document.querySelector("tbody a[href*='/devices/']")?.getAttribute("href");
        const before = first(), began = performance.now();
        const look = () => first() && first() !== before
            ? requestAnimationFrame(() => done(performance.now() - began)) : requestAnimationFrame(look);
        [...document.querySelectorAll("nav button")].find(button => button.textContent.includes("Next")).click();
        look();
    })
"""
# The first line after an answer: charts are drawn anew every second besides.
NOTE_STROKES = """
    const { stroke } = CanvasRenderingContext2D.prototype, { json } = Response.prototype;
    let answered = false;
    Response.prototype.json = async function () {
        const answer = await json.call(this);
        answered ||= this.url.includes("/monitoring/data/");
        return answer;
    };
    CanvasRenderingContext2D.prototype.stroke = function (...given) {
        stroke.apply(this, given);
        if (!answered) return;
        answered = false;
        requestAnimationFrame(() => { window.drawn = performance.now(); });
    };
"""
SINCE_THE_ANSWER = """
    new Promise(done => {
        const ofReadings = one => one.name.includes("/monitoring/data/");
        const answer = () => performance.getEntriesByType("resource").filter(ofReadings).at(-1);
        const look = () => window.drawn ? done(window.drawn - answer().responseEnd) : requestAnimationFrame(look);
        look();
    })
"""


async def page(stack: Stack, pace: Pace) -> dict[str, float]:
    """The scripts' size; the overview from nothing; the next page of 1,000,000 devices; a chart of 10,000 points."""
    figures = {"page.js_gzip_kb": sum(len(gzip.compress(file.read_bytes())) for file in BUILT.rglob("*.js")) / 1000}
    with tempfile.TemporaryDirectory(prefix="fieldstock-page-") as folder:
        own = Stack(Path(folder) / "home", dies_with_its_maker=True)
        await asyncio.to_thread(own.up)
        try:
            with chromium(Path(folder) / "chromium") as address:
                async with driven(address) as browser:
                    ids = await deploy(own, await sign_in(own), FIELDED)
                    figures["page.first_render_ms"] = await _first_render(browser, own)
                    figures["page.chart10k_ms"] = await _chart(browser, own, ids[0])
                    await fielded(own, round(DEVICES * pace.size))
                    figures["page.table_1m_ms"] = await _next_page(browser, own)
        finally:
            await asyncio.to_thread(own.down)
    return figures


@asynccontextmanager
async def _opened(browser: Browser, stack: Stack, path: str, script: str = "") -> AsyncIterator[Page]:
    """The page at this path, signed in, with nothing in its cache."""
    async with httpx.AsyncClient(base_url=stack.base_url) as http:
        login = {"username": stack.admin_username, "password": stack.admin_password}
        answer = (await http.post("/auth/login", json=login)).raise_for_status().json()
    tokens = {
        "access": answer["access_token"],
        "refresh": answer["refresh_token"],
        "expires": int((time.time() + answer["expires_in"]) * 1000),
    }
    kept: Any = [{"name": "fieldstock.session", "value": json.dumps(tokens)}]
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900},
        storage_state={"cookies": [], "origins": [{"origin": stack.base_url, "localStorage": kept}]},
    )
    try:
        context.set_default_timeout(PATIENCE_MS)
        shown = await context.new_page()
        if script:
            await shown.add_init_script(script)
        await shown.goto(stack.base_url + path, wait_until="commit")
        yield shown
    finally:
        await context.close()


async def _first_render(browser: Browser, stack: Stack) -> float:
    took: list[float] = []
    for _ in range(ROUNDS):
        async with _opened(browser, stack, "/") as shown:
            took.append(await shown.evaluate(RENDERED))
    return median(took)


async def _next_page(browser: Browser, stack: Stack) -> float:
    async with _opened(browser, stack, "/app/devices") as shown:
        await shown.get_by_role("button", name="Next").and_(shown.locator(":enabled")).wait_for()
        return median([await shown.evaluate(NEXT_PAGE) for _ in range(ROUNDS * 2)])


async def _chart(browser: Browser, stack: Stack, device: int) -> float:
    """From the answer's last byte to the frame with its points.

    REST gives no more than 500 of them at a time, so the answer is made up; what the page does with it is not.
    """
    async with httpx.AsyncClient(base_url=stack.base_url, headers=await sign_in(stack)) as http:

        async def measured() -> bool:
            answer = await http.post("/monitoring/data", json={"device_id": device, "metrics": {"temperature": 21.5}})
            return answer.is_success

        await eventually(measured, within=30, every=0.2)

    async def made_up(route: Route) -> None:
        now = time.time()
        readings = [
            {
                "device_id": device,
                "time": datetime.fromtimestamp(now - n * POINTS_MS_APART / 1000, UTC).isoformat(),
                "metrics": {"temperature": 20 + n % 97 / 10},
            }
            for n in range(POINTS)
        ]
        await route.fulfill(json={"readings": readings, "buckets": [], "next_page_token": ""})

    took: list[float] = []
    async with _opened(browser, stack, "/", NOTE_STROKES) as shown:
        await shown.route(f"**/monitoring/data/{device}?*", made_up)
        await shown.goto(f"{stack.base_url}/app/devices/{device}")
        for n in range(ROUNDS + 1):
            await shown.get_by_text(f"{POINTS:,} values").wait_for()
            milliseconds = await shown.evaluate(SINCE_THE_ANSWER)
            # Not the first one: the rest of the page is drawn beside it.
            took += [milliseconds] if n else []
            await shown.evaluate("window.drawn = 0")
            await shown.get_by_text("1 h" if n % 2 == 0 else "15 min", exact=True).click()
    return median(took)
