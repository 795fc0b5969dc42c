"""How many of what are where, and whether that is enough."""

import asyncio

import pytest

from fieldstock.inventory.v1 import events_pb2
from fieldstock.inventory.v1 import stock_service_pb2 as pb
from servicekit.testing import refused


async def stock(client, **filters):
    answer = await client("GetStock", pb.GetStockRequest(**filters))
    return {(level.type, level.location): level for level in answer.levels}


async def set_level(client, minimum, location="Warehouse A", type="sensor"):
    return await client("SetStockLevel", pb.SetStockLevelRequest(type=type, location=location, minimum=minimum))


def counts(level):
    return level.in_stock, level.reserved, level.deployed, level.maintenance


async def test_every_change_is_counted_at_once(admin):
    for n in range(5):
        await admin.register(f"SN-{n}")
    await admin.register("SN-5", type="gateway", location="WAREHOUSE a")
    assert counts((await stock(admin))["sensor", "Warehouse A"]) == (5, 0, 0, 0)
    await admin.deploy(1, "Factory")
    await admin.reserve(2)
    await admin.maintain(3)
    await admin.retire(4)
    await admin.update(5, type="gateway")
    now = await stock(admin)
    assert counts(now["sensor", "Warehouse A"]) == (0, 1, 0, 1)
    assert counts(now["sensor", "Factory"]) == (0, 0, 1, 0)
    gateways = [level for (type, _), level in now.items() if type == "gateway"]
    assert [counts(level) for level in gateways] == [(2, 0, 0, 0)]  # one place, however it is spelled
    await admin.relocate(1, "Depot")
    now = await stock(admin)
    assert ("sensor", "Factory") not in now
    assert counts(now["sensor", "Depot"]) == (0, 0, 1, 0)


async def test_counts_are_those_of_the_devices_after_a_busy_time_on_two_replicas(admin, replica, issuer, client_at):
    await asyncio.gather(*(admin.register(f"SN-{n}") for n in range(20)))
    async with replica():

        async def shuffle(id):
            for n in range(5):
                await admin.deploy(id, f"Factory {n % 2}")
                await admin.recall(id, "Warehouse A")

        await asyncio.gather(*(shuffle(id) for id in range(1, 21)))
        await admin.deploy(1, "Factory 0")
        for _ in range(30):  # through some folds: what is read is never half of one
            now = await stock(admin)
            assert counts(now["sensor", "Warehouse A"]) == (19, 0, 0, 0)
            assert counts(now["sensor", "Factory 0"]) == (0, 0, 1, 0)
            assert ("sensor", "Factory 1") not in now
            await asyncio.sleep(0.05)


async def test_levels_are_filtered_and_paged(admin, viewer):
    for n, location in enumerate(["Hall 1", "Hall 1/Rack 1", "Hall 1/Rack 2", "Hall 2"]):
        for type in ("sensor", "gateway"):
            await admin.register(f"SN-{type}-{n}", type=type, location=location)
    await set_level(admin, 3, location="Hall 9")
    below = await stock(viewer, location="hall 1/*", type="sensor")
    assert sorted(place for _, place in below) == ["Hall 1/Rack 1", "Hall 1/Rack 2"]
    assert list(await stock(viewer, location="HALL 2")) == [("gateway", "Hall 2"), ("sensor", "Hall 2")]
    seen, token = [], ""
    while True:
        page = await viewer("GetStock", pb.GetStockRequest(page_size=2, page_token=token))
        seen += [(level.type, level.location) for level in page.levels]
        if not (token := page.next_page_token):
            break
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 9
    token = (await viewer("GetStock", pb.GetStockRequest(page_size=2))).next_page_token
    no = await refused(viewer("GetStock", pb.GetStockRequest(type="sensor", page_token=token)))
    assert no.reason == "INVALID_PAGE_TOKEN"
    no = await refused(viewer("GetStock", pb.GetStockRequest(page_size=-1)))
    assert no.fields == ["page_size"]
    no = await refused(viewer("GetStock", pb.GetStockRequest(type="t" * 51, location="l" * 103)))
    assert no.fields == ["location", "type"]


async def test_falling_below_the_minimum_is_told_once_and_again_only_after_it_rose(admin, replica, heard_of_stock):
    async with replica():
        for n in range(3):
            await admin.register(f"SN-{n}")
        level = await set_level(admin, 2)
        assert (level.in_stock, level.minimum, level.low) == (3, 2, False)
        await admin.deploy(1)
        assert not (await stock(admin))["sensor", "Warehouse A"].low
        await admin.deploy(2)
        assert (await stock(admin))["sensor", "Warehouse A"].low
        told = events_pb2.StockLow.FromString((await heard_of_stock.next("inventory.stock.low")).body)
        assert (told.type, told.location, told.in_stock, told.minimum) == ("sensor", "Warehouse A", 1, 2)
        await admin.deploy(3)
        await asyncio.sleep(1.5)  # lower still, and folded: that is no news
        assert heard_of_stock.empty()
        await admin.recall(1, "warehouse a")
        await admin.recall(2, "Warehouse A")
        await asyncio.sleep(1.5)  # risen, and folded
        await admin.reserve(1)
        told = events_pb2.StockLow.FromString((await heard_of_stock.next("inventory.stock.low")).body)
        assert told.in_stock == 1
        assert heard_of_stock.empty()


async def test_a_minimum_may_come_before_the_first_device_and_goes_with_0(admin):
    level = await set_level(admin, 5, location="Depot")
    assert (level.in_stock, level.minimum, level.low) == (0, 5, True)
    assert (await set_level(admin, 5, location="DEPOT")).minimum == 5
    assert (await set_level(admin, 0, location="Depot")).low is False
    assert await stock(admin) == {}


async def test_levels_that_are_set_at_once_are_all_set(admin):
    await asyncio.gather(*(set_level(admin, n) for n in range(1, 11)))
    assert 1 <= (await stock(admin))["sensor", "Warehouse A"].minimum <= 10


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"type": "", "location": " "}, ["location", "type"]),
        ({"type": "t" * 51, "location": "l" * 101}, ["location", "type"]),
        ({"location": "Hall 1/*"}, ["location"]),
        ({"minimum": -1}, ["minimum"]),
        ({"minimum": 1_000_001}, ["minimum"]),
    ],
)
async def test_a_minimum_that_makes_no_sense_is_refused(admin, fields, named):
    request = pb.SetStockLevelRequest(**{"type": "sensor", "location": "Hall", "minimum": 1, **fields})
    no = await refused(admin("SetStockLevel", request))
    assert (no.code, no.reason, no.fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", named)
    assert await stock(admin) == {}


async def test_viewers_see_stock_and_operators_set_levels(viewer, operator, device_7):
    await stock(viewer)
    await set_level(operator, 1)
    for call in (set_level(viewer, 1), stock(device_7)):
        assert (await refused(call)).code == "PERMISSION_DENIED"
