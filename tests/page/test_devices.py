"""The devices: found among many, registered, and handled many at once."""

import re
from uuid import uuid4

import pytest
from playwright.async_api import expect

from servicekit.testing import eventually


def table(page):
    return page.get_by_role("table", name="Devices", exact=True)


def row(page, device):
    return page.locator(f"tr[data-device='{device['id']}']")


def dialog(page):
    return page.get_by_role("dialog")


async def test_the_table_is_filtered_ordered_and_paged_and_the_address_says_how(page, new_devices):
    devices = await new_devices(55)
    await page.goto(f"/app/devices?type={devices[0]['type']}")
    rows = table(page).locator("tbody tr")
    pages = page.get_by_role("navigation", name="Pages")
    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text("Scale 054")
    await expect(pages).to_contain_text("1 – 50")
    await expect(pages.get_by_role("button", name="Previous")).to_be_disabled()

    await pages.get_by_role("button", name="Next").click()
    await expect(pages).to_contain_text("51 – 55")
    await expect(rows).to_have_count(5)
    await expect(pages.get_by_role("button", name="Next")).to_be_disabled()
    await page.reload()
    await expect(rows).to_have_count(5)
    await page.go_back()
    await expect(rows).to_have_count(50)
    await page.go_forward()
    await pages.get_by_role("button", name="Previous").click()
    await expect(rows).to_have_count(50)

    await page.get_by_label("Select all on this page").check()
    chosen = page.get_by_role("region", name="Selected devices")
    await expect(chosen).to_contain_text("50 selected")
    await chosen.get_by_role("button", name="Select all pages").click()
    await expect(chosen).to_contain_text("55 selected")
    await chosen.get_by_role("button", name="Clear selection").click()
    await expect(chosen).to_have_count(0)

    await table(page).get_by_role("button", name="Device").click()
    await expect(rows.first).to_contain_text("Scale 000")
    await expect(page).to_have_url(re.compile(r"order_by=name"))
    await page.get_by_role("searchbox", name="Search").fill("scale 05")
    await expect(rows).to_have_count(5)
    await rows.first.get_by_role("link", name="Scale 050").click()
    await page.get_by_role("main").get_by_role("link", name="Devices").click()
    await expect(page.get_by_role("searchbox", name="Search")).to_have_value("scale 05")
    await page.get_by_label("Status").select_option("deployed")
    await expect(page.get_by_text("No device is like that.")).to_be_visible()
    await page.get_by_role("region", name="Devices").get_by_role("button", name="Clear filters").click()
    await expect(page).to_have_url(re.compile(r"/app/devices\?order_by=name$"))


async def test_a_page_that_is_no_more_is_the_first_one(page, new_devices, complaints):
    complaints.allow("400.*/monitoring/devices")
    [device] = await new_devices(1)
    await page.goto(f"/app/devices?type={device['type']}&after=of-no-use&page=7")
    await expect(row(page, device)).to_be_visible()
    assert "after" not in page.url


async def test_rows_change_as_the_devices_do(page, new_devices, admin):
    [device] = await new_devices(1)
    await page.goto(f"/app/devices?q={device['serial_number']}")
    shown = row(page, device)
    await expect(shown).to_contain_text("In stock")
    await admin("PUT", f"/devices/{device['id']}/deploy", {"location": "Factory B"})
    await expect(shown).to_contain_text("Deployed")
    await expect(shown).to_contain_text("Factory B")
    await expect(shown).to_contain_text("Never seen")

    async def sent():
        reading = {"device_id": device["id"], "metrics": {"temperature": 21.5}}
        return (await admin.http.post("/monitoring/data", json=reading)).is_success

    await eventually(sent)
    await expect(shown).to_contain_text("Online")


async def test_a_device_is_registered_and_its_secret_told_once(open_page, admin, anyone, complaints):
    complaints.allow("40[09].*/devices/")
    page = await open_page("operator", "/app/devices", permissions=["clipboard-read", "clipboard-write"])
    taken, _ = await admin.new_device()
    await page.get_by_role("button", name="Register").click()
    form = page.get_by_role("dialog", name="Register a device")
    await form.get_by_role("button", name="Register").click()
    await expect(form.get_by_label("Name")).to_have_accessible_description(re.compile("is required"))
    await expect(form.get_by_label("Name")).to_be_focused()

    await form.get_by_label("Name").fill("Dock scale")
    await form.get_by_label("Type").fill("scale")
    await form.get_by_label("Serial number").fill(taken["serial_number"])
    await form.get_by_label("Location").fill("Warehouse A")
    await form.get_by_label("Specs").fill("{firmware")
    await form.get_by_role("button", name="Register").click()
    await expect(form.get_by_label("Specs")).to_have_accessible_description(re.compile("no JSON"))
    await form.get_by_label("Specs").fill('{"firmware": "1.2"}')
    await form.get_by_role("button", name="Register").click()
    await expect(form.get_by_label("Serial number")).to_have_accessible_description(re.compile("Another device"))
    serial = f"DS-{uuid4().hex[:8]}"
    await form.get_by_label("Serial number").fill(serial)
    await form.get_by_role("button", name="Register").click()

    told = page.get_by_role("dialog", name="Dock scale is registered")
    await expect(told).to_be_visible()
    # Nothing but the button ends it.
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await told.get_by_role("button", name="Copy the secret").click()
    await expect(told.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    secret = await page.evaluate("navigator.clipboard.readText()")
    await expect(told).to_contain_text(secret)
    await told.get_by_role("button", name="I have kept it").click()
    await expect(page.get_by_text(secret)).to_have_count(0)
    shown = table(page).get_by_role("row").filter(has_text=serial)
    await expect(shown).to_contain_text("In stock")

    [device] = (await admin("GET", "/devices", params={"q": serial}))["devices"]
    assert (device["name"], device["specs"], device["location"]) == ("Dock scale", {"firmware": "1.2"}, "Warehouse A")
    await admin("PUT", f"/devices/{device['id']}/deploy", {"location": "Dock 1"})

    async def proves_itself():
        given = {"serial_number": serial, "secret": secret}
        return (await anyone.http.post("/auth/device-token", json=given)).is_success

    await eventually(proves_itself)


async def test_many_are_handled_at_once_and_each_has_its_result(page, new_devices, admin, complaints):
    complaints.allow("400.*/devices/actions")
    devices = await new_devices(3)
    await admin("PUT", f"/devices/{devices[0]['id']}/maintenance", {})
    await page.goto(f"/app/devices?type={devices[0]['type']}")
    await expect(row(page, devices[0])).to_contain_text("Maintenance")
    await page.get_by_label("Select all on this page").check()
    chosen = page.get_by_role("region", name="Selected devices")
    await expect(chosen).to_contain_text("3 selected")
    await chosen.get_by_role("button", name="Reserve").click()
    await expect(dialog(page)).to_contain_text("1 of them will be refused")
    await dialog(page).get_by_role("button", name="Reserve 3 devices").click()
    await expect(dialog(page).get_by_label("For")).to_have_accessible_description(re.compile("is required"))
    await dialog(page).get_by_label("For").fill("Kim")
    await dialog(page).get_by_role("button", name="Reserve 3 devices").click()
    await expect(dialog(page).get_by_role("status")).to_contain_text("2 were reserved, 1 was refused")
    refused = dialog(page).get_by_role("row").filter(has_text="Scale 000")
    await expect(refused).to_contain_text("is maintenance; it cannot become reserved")
    await dialog(page).get_by_role("button", name="Close").last.click()
    for device in devices[1:]:
        await expect(row(page, device)).to_contain_text("Reserved")
    await expect(chosen).to_contain_text("1 selected")
    await expect(page.get_by_label("Select Scale 000")).to_be_checked()


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_what_a_role_may_not_do_to_a_device_is_not_shown(open_page, new_devices, role):
    acts, administers = role != "viewer", role == "admin"
    [device] = await new_devices(1)
    page = await open_page(role, f"/app/devices?type={device['type']}")
    await expect(row(page, device)).to_be_visible()
    await expect(page.get_by_role("button", name="Register")).to_have_count(int(acts))
    await expect(page.get_by_role("checkbox")).to_have_count(2 if acts else 0)
    await row(page, device).get_by_role("link", name=device["name"]).click()
    await expect(page.get_by_role("heading", name=device["name"])).to_be_visible()
    await expect(page.get_by_role("region", name="Settings")).to_contain_text("None were ever set")
    for name, may in {
        "Deploy": acts,
        "Reserve": acts,
        "Relocate": acts,
        "Maintenance": acts,
        "Retire": administers,
        "Renew credential": administers,
        "Edit the details": acts,
        "Edit the settings": acts,
    }.items():
        await expect(page.get_by_role("button", name=name, exact=True)).to_have_count(int(may))
