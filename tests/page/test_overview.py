"""The overview, live."""

import re
from uuid import uuid4

from playwright.async_api import expect


async def test_the_overview_counts_what_is_registered_and_deployed(page, admin):
    type = f"probe-{uuid4().hex[:6]}"
    stock = page.get_by_role("region", name="Stock by type and location")
    await expect(stock.get_by_role("table").or_(stock.get_by_text("Nothing is registered"))).to_be_visible()

    device, _ = await admin.new_device(type=type, location="Warehouse 7")
    await admin("PUT", "/devices/stock/levels", {"type": type, "location": "Warehouse 7", "minimum": 2})
    await admin.new_device(type=type, location="Warehouse 8")
    there = stock.locator("tbody").filter(has_text=type)
    row = there.get_by_role("row", name="Warehouse 7")
    await expect(row.get_by_role("cell")).to_have_text(["Warehouse 7", "1", "0", "0", "0", "Low 2"])
    await expect(there.get_by_role("row").first.get_by_role("cell")).to_have_text(["2", "0", "0", "0", ""])

    devices = page.locator("[data-figure=devices]")
    before = int((await devices.inner_text()).replace(",", ""))
    await admin.new_device(type=type, location="Warehouse 8")
    await expect(devices).to_have_text(f"{before + 1:,}")
    await admin("PUT", f"/devices/{device['id']}/deploy", {"location": "Factory A"})
    await expect(there.get_by_role("row", name="Factory A").get_by_role("cell")).to_have_text(
        ["Factory A", "0", "0", "0", "1", ""]
    )


async def test_alerts_presence_and_measurements_follow_what_devices_send(page, oven, admin):
    metric = f"flow_{uuid4().hex[:6]}"
    await oven.measures(91.2)
    await admin("POST", "/monitoring/data", {"device_id": oven.id, "metrics": {metric: 12.3456}})
    alerts = page.get_by_role("region", name="Needs attention")
    await expect(alerts.get_by_role("listitem").filter(has_text=oven.name)).to_contain_text("temperature 91.2 above 85")
    measured = page.get_by_role("region", name="Measured in the last hour")
    row = measured.get_by_role("row", name=metric.capitalize().replace("_", " "))
    await expect(row.get_by_role("cell")).to_contain_text(["", "12.3", "12.3", "12.3", "1"])
    await expect(page.locator("[data-figure=online]")).to_have_text(re.compile(r"^[1-9]"))
    await expect(page.locator("[data-figure=alerts]")).to_have_text(re.compile(r"^[1-9]"))
    await oven.measures(79)
    await expect(alerts.get_by_role("listitem").filter(has_text=oven.name)).to_have_count(0)
