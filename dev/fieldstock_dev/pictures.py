"""`make pictures`: the page with a fleet to look at, photographed for the README.

On a stack of its own, with simulated devices and, beside them, what a simulator leaves out: stock, and a bad quarter of
an hour of three devices.
"""

import asyncio
import math
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Page

from fieldstock_dev.browser import chromium, driven
from fieldstock_dev.errors import DevError
from fieldstock_dev.plan import WITH_DEVICES
from fieldstock_dev.progress import Progress
from fieldstock_dev.settings import CHECKOUT
from fieldstock_dev.stack import Stack

FOLDER = CHECKOUT / "docs" / "pictures"
SIZE, SHARPNESS = {"width": 1280, "height": 800}, 1.5
PATIENCE_SECONDS = 60
MINUTES, SECONDS_APART = 14, 3

SPARES = (
    ("Spare sensor 1", "sensor", "Warehouse A"),
    ("Spare sensor 2", "sensor", "Warehouse A"),
    ("Spare sensor 3", "sensor", "Warehouse A"),
    ("Spare sensor 4", "sensor", "Warehouse B"),
    ("Spare gateway 1", "gateway", "Warehouse B"),
    ("Spare controller 1", "controller", "Warehouse A"),
    ("Spare controller 2", "controller", "Warehouse B"),
    ("Spare camera 1", "camera", "Warehouse B"),
)
MINIMUMS = (("sensor", "Warehouse A", 2), ("gateway", "Warehouse B", 2), ("controller", "Warehouse A", 1))

Course = Callable[[float], dict[str, float]]
"""What a device measures, by how much of the time is over (0 to 1)."""


def during(over: float, start: float, end: float) -> int:
    return int(start < over < end)


def furnace(over: float) -> dict[str, float]:
    """It shakes for a moment, and gets too hot towards the end."""
    heat = 62 + 5 * math.sin(over * 9) + 30 / (1 + math.exp(-(over - 0.78) * 22))
    return {
        "temperature": heat + random.gauss(0, 0.5),
        "vibration": 2.4 + 0.6 * math.sin(over * 30) + 6 * during(over, 0.32, 0.36) + random.gauss(0, 0.15),
        "cpu": 31 + 8 * math.sin(over * 17) + random.gauss(0, 2.5),
    }


def conveyor(over: float) -> dict[str, float]:
    """Its processor is busy, from half of the time on."""
    busy = 97.5 if over > 0.5 else 44 + 6 * math.sin(over * 20)
    heat = 51 + 37 * during(over, 0.12, 0.2)
    return {"temperature": heat + random.gauss(0, 0.4), "cpu": busy + random.gauss(0, 0.6), "memory": 61 + 6 * over}


def dock(over: float) -> dict[str, float]:
    """Its memory fills up."""
    busy = 22 + 75.5 * during(over, 0.44, 0.5)
    return {"temperature": 38 + random.gauss(0, 0.3), "cpu": busy + random.gauss(0, 0.5), "memory": 70 + 23 * over}


TROUBLED: tuple[tuple[str, str, str, Course], ...] = (
    ("Furnace 2 sensor", "sensor", "Factory B/Floor 2", furnace),
    ("Conveyor 7 controller", "controller", "Factory A/Floor 4", conveyor),
    ("Dock 4 camera", "camera", "Factory C/Floor 1", dock),
)


class Scene:
    """A fleet to look at, made over REST."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        return (await self._http.request(method, path, json=body)).raise_for_status().json()

    async def _register(self, name: str, type: str, location: str) -> int:
        serial = f"{type[:3].upper()}-{random.randrange(10_000, 99_999)}"
        given = {"name": name, "type": type, "serial_number": serial, "location": location}
        return (await self._call("POST", "/devices/", given))["device"]["id"]

    async def stock(self) -> None:
        """Spares in two warehouses, one of them spoken for and one in repair; of gateways there are too few."""
        spares = [await self._register(*spare) for spare in SPARES]
        await self._call("PUT", f"/devices/{spares[2]}/reserve", {"for": "Line 3"})
        await self._call("PUT", f"/devices/{spares[6]}/maintenance", {"notes": "fan replaced"})
        for type, location, minimum in MINIMUMS:
            level = {"type": type, "location": location, "minimum": minimum}
            await self._call("PUT", "/devices/stock/levels", level)

    async def trouble(self) -> list[int]:
        """Three devices whose last quarter of an hour was not their best; their ids."""
        ids = []
        for name, type, location, _ in TROUBLED:
            ids.append(await self._register(name, type, "Warehouse A"))
            await self._call("PUT", f"/devices/{ids[-1]}/deploy", {"location": location})
        await asyncio.gather(*(self._measures(id, one[3]) for id, one in zip(ids, TROUBLED, strict=True)))
        alert = await _eventually(lambda: self._alert_of(ids[1]))
        note = {"note": "Restarted at the end of the shift"}
        await self._call("PUT", f"/monitoring/alerts/{alert['id']}/acknowledge", note)
        for id in ids:
            await _eventually(lambda id=id: self._alert_of(id))
        return ids

    async def _measures(self, id: int, course: Course) -> None:
        count = MINUTES * 60 // SECONDS_APART
        for n in range(count):
            time = datetime.now(UTC) - timedelta(seconds=(count - n) * SECONDS_APART)
            metrics = {metric: round(value, 1) for metric, value in course(n / count).items()}
            reading = {"device_id": id, "metrics": metrics, "time": time.isoformat()}
            # Telemetry hears of a deployment a moment later.
            await _eventually(lambda reading=reading: self._stored(reading))

    async def _stored(self, reading: dict[str, Any]) -> bool:
        return (await self._http.post("/monitoring/data", json=reading)).is_success

    async def _alert_of(self, id: int) -> dict[str, Any] | None:
        alerts = (await self._call("GET", f"/monitoring/alerts?device_id={id}"))["alerts"]
        return alerts[0] if alerts else None


async def _eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await look()):  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.2)
    return found


async def _photograph(browser: Browser, stack: Stack, device: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page = await browser.new_page(viewport=SIZE, device_scale_factor=SHARPNESS, locale="en-GB")  # pyright: ignore[reportArgumentType]
    await page.goto(stack.base_url)
    await page.get_by_label("Username").fill(stack.admin_username)
    await page.get_by_label("Password").fill(stack.admin_password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("region", name="Measured in the last hour").get_by_role("table").wait_for()
    await page.get_by_role("region", name="Stock").get_by_role("table").wait_for()
    await _take(page, "overview")
    await page.goto(f"{stack.base_url}/app/devices/{device}")
    await page.locator("figure canvas").first.wait_for()
    await page.get_by_text("values").first.wait_for()
    await _take(page, "device")
    await page.goto(f"{stack.base_url}/app/alerts?state=all")
    await page.locator("[data-state=resolved]").nth(2).wait_for()
    await _take(page, "alerts")


async def _take(page: Page, name: str) -> None:
    await page.mouse.move(0, 0)
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


async def make(stack: Stack, chromium_at: str) -> None:
    login = {"username": stack.admin_username, "password": stack.admin_password}
    async with httpx.AsyncClient(base_url=stack.base_url, timeout=30) as http:
        token = (await http.post("/auth/login", json=login)).raise_for_status().json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        scene = Scene(http)
        await scene.stock()
        device, *_ = await scene.trouble()
    async with driven(chromium_at) as browser:
        await _photograph(browser, stack, device)


def main() -> None:
    # The same pictures each time, as far as that goes.
    random.seed(7)
    with tempfile.TemporaryDirectory(prefix="fieldstock-pictures-") as folder:
        stack = Stack(Path(folder) / "home", parts=WITH_DEVICES, dies_with_its_maker=True, progress=Progress())
        try:
            with stack, chromium(Path(folder) / "chromium") as address:
                asyncio.run(make(stack, address))
        except DevError as error:
            sys.exit(f"\n{error}\n")


if __name__ == "__main__":
    main()
