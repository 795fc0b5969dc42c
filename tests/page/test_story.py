"""A device's day as an operator sees it, from the shelf and back."""

import asyncio
from contextlib import asynccontextmanager, suppress

from playwright.async_api import expect

from fieldstock_device import DeviceClient
from servicekit.testing import eventually


class Simulated:
    """A device that measures all the time."""

    def __init__(self, client: DeviceClient) -> None:
        self.client, self.celsius = client, 40.0

    async def measure(self) -> None:
        while True:
            self.celsius += 0.1
            await self.client.record({"temperature": round(self.celsius, 1)})
            # As often as a device speaks: no waiting for anything.
            await asyncio.sleep(0.2)


@asynccontextmanager
async def simulated(stack, credential):
    async with DeviceClient(stack.base_url, **credential) as client:
        device = Simulated(client)
        measuring = asyncio.create_task(device.measure())
        try:
            yield device
        finally:
            measuring.cancel()
            with suppress(asyncio.CancelledError):
                await measuring


async def test_a_device_is_deployed_watched_and_recalled(open_page, admin, stack, stocked):
    page = await open_page("operator", f"/app/devices/{stocked.id}")
    head, actions = page.locator(".device-head"), page.get_by_role("group", name="Actions")
    menu = page.get_by_role("navigation", name="Views")
    rule = {
        "name": f"Overheating of {stocked.id}",
        "kind": "threshold",
        "severity": "critical",
        "enabled": True,
        "device_id": stocked.id,
        "threshold": {"metric": "temperature", "direction": "above", "limit": 85},
    }
    await admin("POST", "/monitoring/rules", rule)

    await actions.get_by_role("button", name="Deploy").click()
    await page.get_by_role("dialog").get_by_label("Location").fill("Factory A")
    await page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    await expect(head).to_contain_text("Deployed")
    await stocked.token_when_deployed()

    async with simulated(stack, stocked._credential) as device:
        await expect(head).to_contain_text("Online")
        chart = page.get_by_role("figure", name="Temperature")
        newest, plot = chart.locator(".chart-now b"), chart.locator("canvas")
        await expect(newest).to_be_visible()
        before, drawn = float(await newest.inner_text()), await plot.evaluate("canvas => canvas.toDataURL()")

        async def moved():
            higher = float(await newest.inner_text()) > before
            return higher and await plot.evaluate("canvas => canvas.toDataURL()") != drawn

        assert await eventually(moved, within=40, every=0.1)

        await menu.get_by_role("link", name="Alerts").click()
        await expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
        device.celsius = 90.0
        # By its rule, for the device gets another one when it asks for a token after its recall.
        of_device = page.get_by_role("listitem").filter(has_text=stocked._credential["serial_number"])
        alert = of_device.filter(has_text="above 85")
        await expect(alert).to_have_count(1)
        await alert.get_by_role("button", name="Acknowledge").click()
        await page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        await expect(alert).to_contain_text("Acknowledged by operator")

        await alert.get_by_role("link").click()
        await actions.get_by_role("button", name="Recall").click()
        await page.get_by_role("dialog").get_by_label("Warehouse").fill("Warehouse B")
        await page.get_by_role("dialog").get_by_role("button", name="Recall").click()
        await expect(head).to_contain_text("In stock")
        await expect(head).to_contain_text("Warehouse B")

        async def cut_off():
            return device.client.state == "not_deployed"

        assert await eventually(cut_off, within=40)
    await menu.get_by_role("link", name="Alerts").click()
    await expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
    await expect(alert).to_have_count(0)
    await page.get_by_role("link", name="Resolved").click()
    await expect(alert).to_contain_text("Device recalled")
