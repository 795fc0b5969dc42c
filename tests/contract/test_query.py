"""What stands in a query, as different clients write it."""

from uuid import uuid4


async def test_a_blank_may_be_written_as_a_plus_and_a_plus_as_itself(admin):
    place = f"Hall {uuid4().hex[:8]} +1"
    device, _ = await admin.new_device(location=place)
    blank, percent = place.replace("+", "%2B").replace(" ", "+"), place.replace("+", "%2B").replace(" ", "%20")
    for written in (blank, percent):
        page = await admin("GET", f"/devices/?location={written}")
        assert [found["id"] for found in page["devices"]] == [device["id"]]
