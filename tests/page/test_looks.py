"""What every page looks like: no violation of WCAG AA, and pictures to look at, dark and light, wide and phone."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from fieldstock_dev.page import SOURCES
from fieldstock_dev.settings import CHECKOUT

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SCREENSHOTS = CHECKOUT / "build" / "screenshots"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="session")
def axe() -> str:
    return (SOURCES / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


class Looks:
    """Looks at one page after the other, in one colour scheme."""

    def __init__(self, page: Page, scheme: str, axe: str, folder: Path) -> None:
        self.page, self._scheme, self._axe, self._folder = page, scheme, axe, folder
        self.violations: list[str] = []

    async def at(self, name: str) -> None:
        """Notes what is wrong with what is shown, in both sizes, and takes pictures."""
        for size, viewport in {"phone": PHONE, "wide": WIDE}.items():
            await self.page.set_viewport_size(viewport)
            await self.page.screenshot(path=self._folder / f"{name}-{self._scheme}-{size}.png", animations="disabled")
            wide = await self.page.evaluate("document.documentElement.scrollWidth")
            if wide > viewport["width"]:
                self.violations.append(f"{name}, {size}: {wide} pixels wide")
            await self.page.evaluate(self._axe)
            found = await self.page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
            self.violations += [
                f"{name}, {size}: {violation['id']}: {node['target']}: {' '.join(node['failureSummary'].split())}"
                for violation in found["violations"]
                for node in violation["nodes"]
            ]


@pytest.fixture
async def furnished(oven, make_ready, admin):
    """Alerts of several kinds, some stock, and something that is below its minimum."""
    await oven.measures(21.5, 91.2)
    alert = await oven.alert()
    await admin("PUT", f"/monitoring/alerts/{alert['id']}/acknowledge", {"note": "Its fan is on order"})
    await oven.measures(60)
    await oven.measures(97)
    spare, _ = await admin.new_device(location="Warehouse A")
    await admin("PUT", f"/devices/{spare['id']}/reserve", {"for": "Line 3"})
    await admin("PUT", "/devices/stock/levels", {"type": "sensor", "location": "Warehouse A", "minimum": 1000})
    return oven


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_for_everybody(open_page, furnished, axe, scheme, complaints):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page = await open_page(color_scheme=scheme, reduced_motion="reduce")
    looks = Looks(page, scheme, axe, SCREENSHOTS)
    await expect(page.get_by_role("region", name="Needs attention")).to_contain_text(furnished.name)
    await looks.at("overview")

    await page.goto(f"/app/alerts?state=all&device_id={furnished.id}")
    await expect(page.locator("[data-alert]")).to_have_count(2)
    await looks.at("alerts-of-one-device")
    await page.get_by_role("button", name="Resolve").click()
    await looks.at("alert-resolve")
    await page.goto("/app/alerts?state=all")
    await expect(page.locator("[data-alert]").first).to_be_visible()
    await looks.at("alerts")
    await page.goto("/app/alerts?severity=info")
    await expect(page.get_by_text("No alert fits")).to_be_visible()
    await looks.at("alerts-none")

    await page.goto("/app/devices")
    await expect(page.get_by_role("row").filter(has_text=furnished.name)).to_be_visible()
    await looks.at("devices")
    await page.goto(f"/app/devices/{furnished.id}")
    await expect(page.get_by_role("heading", name=furnished.name, level=1)).to_be_visible()
    await looks.at("device")

    await page.goto("/app/rules")
    await expect(page.locator(f"[data-rule='{furnished.rule['id']}']")).to_be_visible()
    await looks.at("rules")
    await page.get_by_role("button", name=f"Edit {furnished.rule['name']}").click()
    await looks.at("rule-edit")
    await page.goto("/app/nowhere")
    await expect(page.get_by_text("There is nothing at this address.")).to_be_visible()
    await looks.at("nowhere")

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_visible()
    await looks.at("sign-in")
    assert not looks.violations, "\n".join(looks.violations)
