"""The order of lists, and pages of it."""

import asyncio

import pytest

from servicekit.testing import refused


async def walk(client, **filters):
    seen, token = [], ""
    while True:
        page = await client.list(page_size=2, page_token=token, **filters)
        seen += [device.id for device in page.devices]
        if not (token := page.next_page_token):
            return seen


@pytest.fixture
async def five(admin):
    for serial, name in [("E", "beta"), ("d", "Alpha"), ("C", "beta"), ("b", "alpha"), ("A", "ÖSE_%")]:
        await admin.register(serial, name=name)


@pytest.mark.parametrize(
    ("order", "ids"),
    [("", [1, 2, 3, 4, 5]), ("id", [1, 2, 3, 4, 5]), ("name", [2, 4, 1, 3, 5]), ("serial_number", [5, 4, 3, 2, 1])],
)
async def test_a_list_is_walked_in_its_order_and_back(viewer, five, order, ids):
    assert await walk(viewer, order_by=order) == ids
    if order:
        assert await walk(viewer, order_by=f"-{order}") == ids[::-1]
    assert await walk(viewer, order_by=order, q="be") == [id for id in ids if id in (1, 3)] or order == "serial_number"


async def test_a_list_by_change_has_the_newest_first_when_turned_around(viewer, operator, five):
    await operator.relocate(2)
    await operator.relocate(4)
    assert await walk(viewer, order_by="-updated_at") == [4, 2, 5, 3, 1]
    assert await walk(viewer, order_by="updated_at") == [1, 3, 5, 2, 4]


async def test_many_that_changed_at_once_are_each_seen_once(viewer, operator):
    answers = await asyncio.gather(*(operator.register(f"SN-{n}", name="same") for n in range(9)))
    ids = sorted(answer.device.id for answer in answers)
    for order in ("name", "-name", "updated_at", "-updated_at"):
        assert sorted(await walk(viewer, order_by=order)) == ids


@pytest.mark.parametrize("order", ["colour", "-", "name,id", "NAME", "--id"])
async def test_an_order_that_there_is_not_is_refused(viewer, order):
    no = await refused(viewer.list(order_by=order))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["order_by"])


async def test_a_page_token_is_bound_to_its_order(viewer, five):
    token = (await viewer.list(page_size=2, order_by="name")).next_page_token
    for order in ("-name", "id", "serial_number"):
        assert (await refused(viewer.list(page_token=token, order_by=order))).reason == "INVALID_PAGE_TOKEN"
