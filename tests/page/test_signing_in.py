"""Who comes in, how they stay, and how they leave."""

import json
import time

import pytest
from playwright.async_api import expect

from servicekit.testing import eventually

SESSION = "fieldstock.session"


async def tokens(page):
    return json.loads(await page.evaluate(f"localStorage.getItem('{SESSION}')") or "null")


async def expiring_in(page, seconds):
    """The page is told, at its next load, that its access token expires so soon."""
    kept = {**await tokens(page), "expires": int((time.time() + seconds) * 1000)}
    await page.evaluate(f"kept => localStorage.setItem('{SESSION}', JSON.stringify(kept))", kept)


async def enter(page, username, password):
    await page.get_by_label("Username").fill(username)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_an_admin_signs_in_and_sees_the_overview(open_page, stack):
    page = await open_page(role="")
    await enter(page, stack.admin_username, stack.admin_password)
    await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    await expect(page.locator("[data-line]")).to_have_attribute("data-line", "live")


async def test_a_wrong_password_is_said(open_page, stack, complaints):
    complaints.allow("401.*/auth/login")
    page = await open_page(role="")
    await enter(page, stack.admin_username, "not-the-password")
    await expect(page.get_by_role("alert")).to_have_text("The username or the password is not right.")
    await expect(page.get_by_role("button", name="Sign in")).to_be_enabled()


async def test_a_view_that_was_asked_for_comes_after_signing_in(open_page, stack):
    page = await open_page(role="", path="/app/alerts?state=all")
    await enter(page, stack.admin_username, stack.admin_password)
    await expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
    assert page.url.endswith("/app/alerts?state=all")


async def test_the_session_outlives_a_reload_and_its_access_token(page):
    await page.reload()
    await expect(page.locator("[data-line]")).to_have_attribute("data-line", "live")
    before = await tokens(page)
    await expiring_in(page, -1)
    await page.reload()
    await expect(page.locator("[data-line]")).to_have_attribute("data-line", "live")
    after = await tokens(page)
    assert after["refresh"] != before["refresh"]
    assert after["expires"] > time.time() * 1000 + 60_000


async def test_tokens_are_refreshed_in_time_and_two_tabs_use_one_session(page, complaints):
    other = await page.context.new_page()
    complaints.listen(other)
    await other.goto("/app/alerts")
    await other.locator("[data-line=live]").wait_for()
    before = await tokens(page)
    await expiring_in(page, 61)
    await page.reload()
    await page.locator("[data-line=live]").wait_for()

    async def renewed():
        kept = await tokens(page)
        return kept if kept["refresh"] != before["refresh"] else None

    kept = await eventually(renewed, within=40)
    # The other tab took over what this one got: had it used the old token, all would be signed out.
    assert await tokens(other) == kept
    await other.reload()
    await expect(other.locator("[data-line]")).to_have_attribute("data-line", "live")


async def test_signing_out_ends_the_session_here_in_other_tabs_and_on_the_server(page, anyone, complaints):
    other = await page.context.new_page()
    complaints.listen(other)
    await other.goto("/app/alerts")
    await other.locator("[data-line=live]").wait_for()
    refresh = (await tokens(page))["refresh"]
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_visible()
    assert await tokens(page) is None
    await expect(other.get_by_text("You signed out in another tab.")).to_be_visible()

    async def over():
        answer = await anyone.http.post("/auth/refresh", json={"refresh_token": refresh})
        return answer.status_code == 401

    assert await eventually(over)


async def test_a_session_that_the_server_ended_is_said(page, complaints):
    complaints.allow("40[01].*/auth/")
    kept = {"access": "of.no.use", "refresh": "of-no-use", "expires": int((time.time() + 900) * 1000)}
    await page.evaluate(f"kept => localStorage.setItem('{SESSION}', JSON.stringify(kept))", kept)
    await page.reload()
    await expect(page.get_by_text("Your session has ended.")).to_be_visible()


@pytest.mark.parametrize(
    ("role", "may_act", "may_administer"), [("viewer", False, False), ("operator", True, False), ("admin", True, True)]
)
async def test_what_a_role_may_not_do_is_not_shown(open_page, oven, role, may_act, may_administer):
    await oven.measures(91.2)
    await oven.alert()
    page = await open_page(role, f"/app/alerts?device_id={oven.id}")
    await expect(page.locator("[data-alert]")).to_contain_text("temperature 91.2 above 85")
    for name in ("Acknowledge", "Resolve"):
        await expect(page.get_by_role("button", name=name)).to_have_count(int(may_act))
    await page.get_by_role("link", name="Rules").click()
    rule = page.locator(f"[data-rule='{oven.rule['id']}']")
    await expect(rule).to_contain_text("Temperature above 85")
    await expect(page.get_by_role("button", name="New rule")).to_have_count(int(may_administer))
    await expect(rule.get_by_role("switch")).to_have_count(int(may_administer))
    await expect(rule.get_by_role("button")).to_have_count(2 if may_administer else 0)
