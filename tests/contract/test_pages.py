"""A walk through a long list, while it grows."""

import asyncio
from uuid import uuid4

import psycopg


async def test_a_walk_of_5000_devices_under_inserts_sees_each_old_one_once(admin, stack):
    type = f"walker-{uuid4().hex[:8]}"
    with psycopg.connect(stack.environment("inventory")["FIELDSTOCK_POSTGRES_URL"]) as inventory:
        inventory.execute(
            "INSERT INTO t_devices (name, type, serial_number)"
            " SELECT 'Walker ' || n, %s, %s || n FROM generate_series(1, 5000) n",
            [type, f"{type}-"],
        )
        rows = inventory.execute("SELECT id FROM t_devices WHERE type = %s", [type]).fetchall()
    old = [row[0] for row in rows]
    walked = asyncio.Event()

    async def insert() -> int:
        count = 0
        while not walked.is_set():
            await admin.new_device(type=type)
            count += 1
        return count

    inserting = asyncio.create_task(insert())
    for order in ("", "-name"):
        seen, token = [], ""
        while True:
            query = {"type": type, "page_size": 500, "page_token": token, "order_by": order}
            page = await admin("GET", "/devices/", params=query)
            seen += [device["id"] for device in page["devices"]]
            if not (token := page["next_page_token"]):
                break
        assert len(seen) == len(set(seen))
        assert set(old) <= set(seen)
    walked.set()
    assert await inserting > 0
