"""Rules: made, changed, turned off and deleted."""

from uuid import uuid4

from playwright.async_api import expect


async def rules_named(admin, name):
    rules = (await admin("GET", "/monitoring/rules", params={"page_size": 500}))["rules"]
    return [rule for rule in rules if rule["name"] == name]


async def test_a_rule_is_made_changed_turned_off_and_deleted(page, admin, stocked):
    name = f"Too hot {uuid4().hex[:6]}"
    await page.get_by_role("link", name="Rules").click()
    item = page.get_by_role("listitem").filter(has_text=name)

    await page.get_by_role("button", name="New rule").click()
    dialog = page.get_by_role("dialog", name="New rule")
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_label("Severity").select_option("Critical")
    await dialog.get_by_label("Metric").fill("temperature")
    await dialog.get_by_label("Limit").fill("85")
    await dialog.get_by_label("Clears at").fill("80.5")
    await dialog.get_by_label("For how many seconds").fill("10")
    await dialog.get_by_role("button", name="Save").click()
    await expect(item).to_contain_text("Temperature above 85 for 10 s, until it is back at 80.5")
    await expect(item).to_contain_text("All devices")
    [rule] = await rules_named(admin, name)
    threshold = {"metric": "temperature", "direction": "above", "limit": 85, "clear_limit": 80.5, "for_seconds": 10}
    assert (rule["severity"], rule["enabled"], rule["threshold"]) == ("critical", True, threshold)

    await item.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit rule")
    await dialog.get_by_label("Is").select_option("below")
    await dialog.get_by_label("Limit").fill("-5")
    await dialog.get_by_label("Clears at").fill("")
    await dialog.get_by_label("For how many seconds").fill("0")
    await dialog.get_by_label("Applies to").select_option("All of a type")
    await dialog.get_by_label("Type").select_option("sensor")
    await dialog.get_by_role("button", name="Save").click()
    await expect(item).to_contain_text("Temperature below -5")
    await expect(item).to_contain_text("Type sensor")

    switch = item.get_by_role("switch")
    await switch.click()
    await expect(switch).not_to_be_checked()
    await expect(page.get_by_role("status")).to_contain_text(f"{name} is off")
    [rule] = await rules_named(admin, name)
    assert (rule["enabled"], rule["device_type"], rule["version"]) == (False, "sensor", 3)

    await item.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete rule")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(item).to_have_count(0)
    assert await rules_named(admin, name) == []


async def test_a_rule_of_one_device_for_what_is_abnormal_is_made(page, admin, stocked):
    name = f"Strange {uuid4().hex[:6]}"
    device = await admin("GET", f"/devices/{stocked.id}")
    await page.goto("/app/rules")
    await page.get_by_role("button", name="New rule").click()
    dialog = page.get_by_role("dialog", name="New rule")
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_label("Kind").select_option("Abnormal")
    await dialog.get_by_label("Metric").fill("vibration")
    await dialog.get_by_label("Standard deviations").fill("5")
    await dialog.get_by_label("Applies to").select_option("One device")
    field = dialog.get_by_label("Device", exact=True)
    chosen = f"{device['name']} ({device['serial_number']})"
    await field.fill(device["serial_number"])
    await expect(dialog.locator(f"option[value='{chosen}']")).to_be_attached()
    await field.fill(chosen)
    await dialog.get_by_role("button", name="Save").click()
    item = page.get_by_role("listitem").filter(has_text=name)
    await expect(item).to_contain_text("Vibration more than 5 standard deviations from its usual")
    [rule] = await rules_named(admin, name)
    assert rule["device_id"] == stocked.id
    assert rule["abnormal"] == {"metric": "vibration", "z_score": 5, "alpha": 0.05, "warm_up": 60}


async def test_what_the_server_refuses_is_shown_and_nothing_is_lost(page, admin, oven, complaints):
    complaints.allow("409.*/monitoring/rules")
    await page.goto("/app/rules")
    item = page.locator(f"[data-rule='{oven.rule['id']}']")
    await item.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit rule")
    await dialog.get_by_label("Name").fill("Mine")
    await admin("PUT", f"/monitoring/rules/{oven.rule['id']}", {**oven.rule, "name": "Theirs"})
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("version")
    await expect(dialog.get_by_label("Name")).to_have_value("Mine")
    # Half-made work is not lost to a click beside it.
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()
    await page.reload()
    await expect(item).to_contain_text("Theirs")
