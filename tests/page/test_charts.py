"""A device's charts: they move, leave gaps open, show their limits, and can be looked into."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import expect

from servicekit.testing import eventually

# In which tenths of the plot, from left to right, something has a colour of the style sheet, or nearly so.
TENTHS = """
(canvas, name) => {
  const given = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const wanted = [1, 3, 5].map((at) => Number.parseInt(given.slice(at, at + 2), 16));
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const near = (at) => wanted.every((part, channel) => Math.abs(data[at + channel] - part) < 40) && data[at + 3] > 200;
  const left = 52, right = width - 18, found = new Set();
  for (let y = 0; y < height - 26; y++)
    for (let x = left; x < right; x++)
      if (near(4 * (y * width + x))) found.add(Math.floor((10 * (x - left)) / (right - left)));
  return [...found].sort((one, other) => one - other);
}
"""
ALL = list(range(10))


def chart(page, name="Temperature"):
    return page.get_by_role("figure", name=name, exact=True)


async def tenths(page, colour):
    return await chart(page).locator("canvas").evaluate(TENTHS, colour)


async def wait_for_tenths(page, colour, wanted):
    async def drawn():
        return await tenths(page, colour) == wanted

    try:
        await eventually(drawn, within=20)
    except TimeoutError:
        pytest.fail(f"{colour} is in {await tenths(page, colour)} rather than in {wanted}")


async def test_a_chart_moves_as_the_device_measures_and_shows_the_limits_of_its_rules(page, oven):
    await page.goto(f"/app/devices/{oven.id}")
    await expect(page.get_by_text("It has not measured anything yet.")).to_be_visible()
    await oven.measures(70)
    await expect(chart(page)).to_contain_text("70.0")
    await oven.measures(72.5)
    await expect(chart(page)).to_contain_text("72.5")
    await expect(chart(page)).to_contain_text("2 values")
    drawing = chart(page).get_by_role("img")
    await expect(drawing).to_have_accessible_name(re.compile(rf"most 72.5; limit: above 85.0, {oven.rule['name']}"))
    await wait_for_tenths(page, "--fill-critical", ALL)

    await page.get_by_label("Limits").uncheck()
    await wait_for_tenths(page, "--fill-critical", [])
    await expect(page).to_have_url(re.compile("limits=off"))

    await oven.measures(91.2)
    await expect(page.get_by_role("region", name="Open alerts")).to_contain_text("temperature 91.2 above 85")
    await expect(page.locator(".device-head")).to_contain_text("Critical")
    await oven.measures(60)
    await expect(page.get_by_role("region", name="Open alerts")).to_have_count(0)


async def test_a_gap_is_shown_as_a_gap(page, ready, admin):
    now = time.time()

    def ago(minutes):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60 * minutes))

    # Of 15 minutes: from the 14th to the 10th last, and from the 4th to the last but one.
    for minutes in (*range(14, 9, -1), *range(4, 0, -1)):
        reading = {"device_id": ready.id, "metrics": {"temperature": 20 + minutes}, "time": ago(minutes)}
        await admin("POST", "/monitoring/data", reading)
    await page.goto(f"/app/devices/{ready.id}?from={ago(15)}&to={ago(0)}")
    await expect(chart(page)).to_contain_text("9 values")
    await wait_for_tenths(page, "--accent", [0, 1, 2, 3, 7, 8, 9])


async def test_many_readings_are_one_band_and_can_be_looked_into(page, ready, speak):
    now_ms = int(time.time() * 1000)
    stream = ready.stream(await ready.token())
    rows = [{"temperature": float(10 + 80 * (number % 2))} for number in range(600)]
    await stream.write(speak(1, *rows, time_ms=now_ms - 300_000))
    await stream.done_writing()
    assert (await stream).accepted_rows == 600
    await page.goto(f"/app/devices/{ready.id}")
    await expect(chart(page)).to_contain_text("600 values")
    await expect(chart(page)).to_contain_text(re.compile(r"least 10.0.*mean 50.0.*most 90.0"))
    await expect(page.get_by_text("Each point is the mean of 2 s")).to_be_visible()

    plot = chart(page).locator(".u-over")
    box = await plot.bounding_box()
    assert box
    # Two thirds of the quarter of an hour had passed.
    there = box["x"] + box["width"] * 2 / 3
    await page.mouse.move(there - 40, box["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(there, box["y"] + 60)
    await page.mouse.move(there + 40, box["y"] + 60)
    await page.mouse.up()
    await expect(page.get_by_role("button", name="Custom")).to_have_attribute("aria-pressed", "true")
    shown = parse_qs(urlsplit(page.url).query)
    assert shown["from"] < shown["to"]
    await expect(page.get_by_role("button", name="Back to live")).to_be_visible()
    await expect(chart(page)).to_contain_text("10.0 – 90.0")

    await plot.dblclick()
    await expect(page).to_have_url(re.compile(rf"/app/devices/{ready.id}$"))
    await page.get_by_role("button", name="1 h", exact=True).click()
    await expect(page).to_have_url(re.compile(r"range=1h$"))
    await page.get_by_role("button", name="Custom").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("From").fill("2026-01-02T10:00:00")
    await form.get_by_label("To", exact=True).fill("2026-01-02T09:00:00")
    await form.get_by_role("button", name="Show").click()
    await expect(form.get_by_label("To", exact=True)).to_have_accessible_description(re.compile("later"))
    await form.get_by_label("To", exact=True).fill("2026-01-02T11:00:00")
    await form.get_by_role("button", name="Show").click()
    await expect(chart(page)).to_contain_text("Nothing was measured in this time.")
