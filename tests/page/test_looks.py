"""What every page looks like: no violation of WCAG AA, and pictures to look at, dark and light, wide and phone."""

import pytest
from playwright.async_api import expect


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
async def test_every_page_is_for_everybody(open_page, furnished, looks, scheme):
    page = await open_page(color_scheme=scheme, reduced_motion="reduce")
    await expect(page.get_by_role("region", name="Needs attention")).to_contain_text(furnished.name)
    await looks.at(page, "overview")

    await page.goto(f"/app/alerts?state=all&device_id={furnished.id}")
    await expect(page.locator("[data-alert]")).to_have_count(2)
    await looks.at(page, "alerts-of-one-device")
    await page.get_by_role("button", name="Resolve").click()
    await looks.at(page, "alert-resolve")
    await page.goto("/app/alerts?state=all")
    await expect(page.locator("[data-alert]").first).to_be_visible()
    await looks.at(page, "alerts")
    await page.goto("/app/alerts?severity=info")
    await expect(page.get_by_text("No alert fits")).to_be_visible()
    await looks.at(page, "alerts-none")

    await page.goto("/app/devices")
    await expect(page.get_by_role("row").filter(has_text=furnished.name)).to_be_visible()
    await looks.at(page, "devices")
    await page.goto(f"/app/devices/{furnished.id}")
    await expect(page.get_by_role("heading", name=furnished.name, level=1)).to_be_visible()
    await looks.at(page, "device")

    await page.goto("/app/rules")
    await expect(page.locator(f"[data-rule='{furnished.rule['id']}']")).to_be_visible()
    await looks.at(page, "rules")
    await page.get_by_role("button", name=f"Edit {furnished.rule['name']}").click()
    await looks.at(page, "rule-edit")
    await page.goto("/app/nowhere")
    await expect(page.get_by_text("There is nothing at this address.")).to_be_visible()
    await looks.at(page, "nowhere")

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_visible()
    await looks.at(page, "sign-in")
