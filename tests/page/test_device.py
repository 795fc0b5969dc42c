"""One device: what is done to it, and what it is told and tells."""

import re

from playwright.async_api import expect

from servicekit.testing import eventually


def dialog(page):
    return page.get_by_role("dialog")


async def confirm(page, name):
    """Presses the button of that name in the dialog, which then goes."""
    await dialog(page).get_by_role("button", name=name, exact=True).click()
    await expect(dialog(page)).to_have_count(0)


async def test_what_is_reserved_goes_to_somebody_else_only_when_that_is_meant(page, new_devices, admin, complaints):
    complaints.allow("400.*/(reserve|deploy)")
    [device] = await new_devices(1)
    await page.goto(f"/app/devices/{device['id']}")
    actions = page.get_by_role("group", name="Actions")
    await actions.get_by_role("button", name="Reserve").click()
    await dialog(page).get_by_role("button", name="Reserve").click()
    await expect(dialog(page).get_by_label("For")).to_have_accessible_description(re.compile("is required"))
    await dialog(page).get_by_label("For").fill("Line 7")
    await dialog(page).get_by_label("Until").fill("2001-01-01T00:00")
    await dialog(page).get_by_role("button", name="Reserve").click()
    await expect(dialog(page).get_by_label("Until")).to_have_attribute("aria-invalid", "true")
    await dialog(page).get_by_label("Until").fill("2099-01-01T00:00")
    await confirm(page, "Reserve")
    await expect(page.locator(".device-head").get_by_text("Line 7")).to_be_visible()

    await actions.get_by_role("button", name="Deploy").click()
    await dialog(page).get_by_label("Location").fill("Factory C")
    await dialog(page).get_by_label("For", exact=True).fill("Line 8")
    await dialog(page).get_by_role("button", name="Deploy").click()
    await expect(dialog(page).get_by_role("alert")).to_contain_text("is reserved for Line 7")
    await dialog(page).get_by_label("Take it although it is reserved for Line 7").check()
    await confirm(page, "Deploy")
    await expect(page.locator(".device-head").get_by_text("Deployed", exact=True)).to_be_visible()
    await expect(actions.get_by_role("button", name="Recall")).to_be_visible()
    assert (await admin("GET", f"/devices/{device['id']}"))["status"] == "deployed"


async def test_a_device_goes_its_way_to_the_end(page, new_devices, admin):
    [device] = await new_devices(1)
    await admin("PUT", f"/devices/{device['id']}/deploy", {"location": "Factory C"})
    await page.goto(f"/app/devices/{device['id']}")
    actions = page.get_by_role("group", name="Actions")
    for action, button, field, place in (
        ("Relocate", "Relocate", "Location", "Factory D"),
        ("Maintenance", "Maintenance", "Workshop", "Bench 2"),
        ("Return to stock", "Return to stock", "Warehouse", "Warehouse Z"),
    ):
        await actions.get_by_role("button", name=action).click()
        await dialog(page).get_by_label(field).fill(place)
        await dialog(page).get_by_label("Notes").fill(f"because of {place}")
        await confirm(page, button)
        await expect(page.locator(".device-head")).to_contain_text(place)
    await actions.get_by_role("button", name="Retire").click()
    await dialog(page).get_by_role("button", name="Retire").click()
    await expect(dialog(page)).to_be_visible()
    await dialog(page).get_by_role("checkbox").check()
    await confirm(page, "Retire")
    await expect(actions).to_have_count(0)

    log = page.get_by_role("region", name="Log").get_by_role("listitem")
    told = [text.split(" by ")[0] for text in await log.all_inner_texts()]
    assert told == ["Retired", "Repaired", "Maintained", "Relocated", "Deployed", "Registered"]
    await expect(log.nth(2)).to_contain_text("because of Bench 2")
    assert (await admin("GET", f"/devices/{device['id']}"))["status"] == "retired"


async def test_a_long_history_is_read_page_by_page_and_goes_on(page, new_devices, admin):
    [device] = await new_devices(1)
    for number in range(21):
        await admin("PUT", f"/devices/{device['id']}/relocate", {"location": f"Shelf {number}"})
    await page.goto(f"/app/devices/{device['id']}")
    log = page.get_by_role("region", name="Log")
    await expect(log.get_by_role("listitem")).to_have_count(20)
    await log.get_by_role("button", name="Show older").click()
    await expect(log.get_by_role("listitem")).to_have_count(22)
    await expect(log.get_by_role("listitem").last).to_contain_text("Registered by admin")
    await expect(log.get_by_role("button", name="Show older")).to_have_count(0)
    await admin("PUT", f"/devices/{device['id']}/maintenance", {"notes": "Its lid is loose"})
    await expect(log.get_by_role("listitem")).to_have_count(23)
    await expect(log.get_by_role("listitem").first).to_contain_text("Its lid is loose")


async def test_who_has_not_seen_a_change_is_told_of_it(page, new_devices, admin, complaints):
    complaints.allow("409.*/relocate")
    [device] = await new_devices(1)
    await page.goto(f"/app/devices/{device['id']}")
    await page.get_by_role("group", name="Actions").get_by_role("button", name="Relocate").click()
    await dialog(page).get_by_label("Location").fill("Warehouse C")
    await admin("PUT", f"/devices/{device['id']}/relocate", {"location": "Warehouse B"})
    await dialog(page).get_by_role("button", name="Relocate").click()
    await expect(dialog(page).get_by_role("alert")).to_contain_text("It is at version 2")
    await expect(dialog(page)).to_contain_text("Now: Warehouse B")
    await confirm(page, "Relocate")
    assert (await admin("GET", f"/devices/{device['id']}"))["location"] == "Warehouse C"


async def test_settings_are_set_and_seen_to_be_taken(open_page, ready, admin, anyone):
    page = await open_page("operator", f"/app/devices/{ready.id}")
    settings = page.get_by_role("region", name="Settings")
    await expect(settings).to_contain_text("None were ever set")
    await settings.get_by_role("button", name="Edit the settings").click()
    await dialog(page).get_by_label("Desired").fill("[5]")
    await dialog(page).get_by_role("button", name="Set").click()
    await expect(dialog(page).get_by_label("Desired")).to_have_accessible_description(re.compile("Must be an object"))
    await dialog(page).get_by_label("Desired").fill('{"interval_seconds": 5}')
    await confirm(page, "Set")
    await expect(settings).to_contain_text("Not taken yet")
    await expect(settings).to_contain_text("interval_seconds")
    assert (await admin("GET", f"/devices/{ready.id}/settings"))["desired"] == {"interval_seconds": 5}

    await admin("POST", "/monitoring/data", {"device_id": ready.id, "metrics": {"temperature": 20}})
    headers = {"authorization": f"Bearer {await ready.token()}"}
    await anyone("PUT", f"/devices/{ready.id}/settings/reported", {"version": 1}, headers=headers)
    await expect(settings.get_by_text("Taken", exact=True)).to_be_visible()


async def test_a_credential_is_renewed_and_the_old_one_is_worth_nothing(page, ready, admin, anyone):
    serial = (await admin("GET", f"/devices/{ready.id}"))["serial_number"]
    await page.goto(f"/app/devices/{ready.id}")
    await page.get_by_role("button", name="Renew credential").click()
    await dialog(page).get_by_role("button", name="Renew credential").click()
    told = page.get_by_role("dialog", name="New credential")
    secret = await told.locator("code").last.inner_text()

    async def proves_itself():
        given = {"serial_number": serial, "secret": secret}
        return (await anyone.http.post("/auth/device-token", json=given)).is_success

    await eventually(proves_itself)
    await ready.refused_token()
    await told.get_by_role("button", name="I have kept it").click()
    await expect(page.get_by_text(secret)).to_have_count(0)


async def test_a_device_that_there_is_not(page, complaints):
    complaints.allow("404.*/2000000000")
    await page.goto("/app/devices/2000000000")
    await expect(page.get_by_text("There is no device 2000000000.")).to_be_visible()
