"""Alerts: they arrive by themselves, and are handled."""

import re

from playwright.async_api import expect


async def test_an_alert_arrives_and_is_acknowledged_and_resolved(page, oven):
    await page.get_by_role("link", name="Alerts").click()
    alert = page.get_by_role("listitem").filter(has_text=oven.name)
    await expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
    await expect(alert).to_have_count(0)

    await oven.measures(91.2)
    await expect(alert).to_contain_text("temperature 91.2 above 85")
    await expect(alert).to_contain_text("Critical")
    await expect(alert).to_contain_text("Not acknowledged")
    await expect(page).to_have_title(re.compile(r"^\([1-9]\d*\) Alerts"))

    await alert.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog", name="Acknowledge alert")
    await dialog.get_by_label("Note").fill("Its fan is on order")
    await dialog.get_by_role("button", name="Acknowledge").click()
    await expect(dialog).to_have_count(0)
    await expect(alert).to_contain_text("Acknowledged by admin")
    await expect(alert).to_contain_text("Its fan is on order")
    await expect(alert.get_by_role("button", name="Acknowledge")).to_have_count(0)
    stored = await oven.alert()
    assert (stored["acknowledged_by"], stored["acknowledged_note"]) == ("admin", "Its fan is on order")

    await alert.get_by_role("button", name="Resolve").click()
    dialog = page.get_by_role("dialog", name="Resolve alert")
    await dialog.get_by_label("Note").fill("Replaced")
    await dialog.get_by_role("button", name="Resolve").click()
    await expect(alert).to_have_count(0)
    assert await oven.alerts() == []
    await page.get_by_role("link", name="Resolved").click()
    await expect(alert).to_contain_text("Resolved by admin")
    await expect(alert).to_contain_text("Replaced")


async def test_what_others_do_to_an_alert_is_seen(page, oven, admin):
    await oven.measures(91.2)
    alert = await oven.alert()
    await page.goto(f"/app/alerts?device_id={oven.id}&state=all")
    shown = page.locator(f"[data-alert='{alert['id']}']")
    await expect(shown).to_contain_text("Not acknowledged")
    await admin("PUT", f"/monitoring/alerts/{alert['id']}/acknowledge", {"note": "I am there"})
    await expect(shown).to_contain_text("I am there")
    await oven.measures(79)
    await expect(shown).to_contain_text("Condition cleared")
    await expect(shown.get_by_role("button")).to_have_count(0)


async def test_the_reason_of_a_refusal_is_shown(page, oven, complaints):
    complaints.allow("400.*/acknowledge")
    await oven.measures(91.2)
    await oven.alert()
    await page.goto(f"/app/alerts?device_id={oven.id}")
    await page.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog")
    await oven.measures(79)
    await expect(page.locator("[data-alert]")).to_have_count(0)
    await dialog.get_by_role("button", name="Acknowledge").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("resolved")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_alerts_are_filtered_and_the_filters_are_in_the_address(page, oven, make_ready, admin):
    await oven.measures(91.2)
    await oven.alert()
    items = page.locator("[data-alert]")
    await page.goto("/app/alerts")
    await page.get_by_label("Rule").select_option(oven.rule["name"])
    await expect(page).to_have_url(re.compile(f"rule_id={oven.rule['id']}"))
    await expect(items).to_have_count(1)
    await page.get_by_label("Severity").select_option("Info")
    await expect(page.get_by_text("No alert fits these filters.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Severity")).to_have_value("info")
    await page.get_by_role("button", name="Clear filters").click()
    await expect(page).to_have_url(re.compile("/app/alerts$"))

    serial = oven.name.removeprefix("Sensor ")
    field = page.get_by_label("Device")
    await field.fill(oven.name)
    await expect(page.locator("datalist option")).to_have_attribute("value", f"{oven.name} ({serial})")
    await field.press("Enter")
    await expect(page).to_have_url(re.compile(f"device_id={oven.id}$"))
    await expect(field).to_have_value(f"{oven.name} ({serial})")
    await expect(items).to_have_count(1)
    await items.get_by_role("link", name=oven.name).click()
    await expect(page).to_have_url(re.compile(f"/app/devices/{oven.id}"))
    await page.go_back()
    await expect(items).to_have_count(1)


async def test_history_is_shown_page_by_page(page, oven, speak):
    excursions = 70
    stream = oven.device.stream(await oven.device.token())
    await stream.write(speak(1, *[{"temperature": value} for _ in range(excursions) for value in (91.2, 20.0)]))
    await stream.done_writing()
    await stream
    await page.goto(f"/app/alerts?state=resolved&device_id={oven.id}")
    items = page.locator("[data-alert]")
    more = page.get_by_role("button", name="Show older")
    await expect(more).to_be_visible()
    await more.click()
    await expect(items).to_have_count(excursions)
    await expect(more).to_have_count(0)
    ids = [await item.get_attribute("data-alert") for item in await items.all()]
    assert ids == [alert["id"] for alert in (await oven.alerts("resolved"))[:50]] + ids[50:]
    assert len(set(ids)) == excursions


async def test_one_signs_in_and_acknowledges_with_the_keyboard_alone(open_page, oven, stack):
    await oven.measures(91.2)
    await oven.alert()
    page = await open_page(role="", path=f"/app/alerts?device_id={oven.id}")
    keys = page.keyboard
    await expect(page.get_by_label("Username")).to_be_focused()
    await keys.type(stack.admin_username)
    await keys.press("Tab")
    await keys.type(stack.admin_password)
    await keys.press("Enter")
    button = page.get_by_role("button", name="Acknowledge")
    await expect(button).to_be_visible()
    for _ in range(40):
        if await button.evaluate("button => button === document.activeElement"):
            break
        await keys.press("Tab")
    await keys.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Note")).to_be_focused()
    await keys.type("Seen")
    await keys.press("Tab")
    await keys.press("Tab")
    await expect(dialog.get_by_role("button", name="Acknowledge")).to_be_focused()
    await keys.press("Enter")
    alert = page.locator("[data-alert]")
    await expect(alert).to_contain_text("Acknowledged by admin")
    await expect(alert).to_be_focused()
