"""Who comes in, and how they stay."""

from playwright.async_api import expect


async def test_an_admin_signs_in_and_sees_the_overview(open_page, stack):
    page = await open_page(role="")
    await page.get_by_label("Username").fill(stack.admin_username)
    await page.get_by_label("Password").fill(stack.admin_password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    await expect(page.locator("[data-line]")).to_have_attribute("data-line", "live")
