"""What is shown while the edge is away, and once it is back."""

import asyncio

from playwright.async_api import expect


async def test_a_lost_connection_is_said_and_healed_with_what_happened_meanwhile(page, oven, stack, looks, complaints):
    complaints.allow("/ws/monitoring")
    await page.goto("/app/alerts")
    await expect(page.locator("[data-line=live]")).to_be_visible()
    items = page.get_by_role("listitem").filter(has_text=oven.name)
    await asyncio.to_thread(stack.stop, "gateway")
    try:
        await expect(page.get_by_role("alert")).to_contain_text("The connection was lost")
        await expect(page.locator("[data-line]")).to_have_text("Not connected")
        await looks.at(page, "connection-lost")
        await oven.measures(91.2)
        await oven.alert()
        await expect(items).to_have_count(0)
    finally:
        await asyncio.to_thread(stack.start, "gateway")
    await expect(page.locator("[data-line]")).to_have_text("Live")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(items).to_contain_text("temperature 91.2 above 85")
    await oven.measures(79)
    await expect(items).to_have_count(0)
