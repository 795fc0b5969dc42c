"""What inventory tells, as it reaches the store and the memory."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc

from servicekit.testing import Issuer, eventually
from telemetry_svc.clock import system
from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.registry import Device, Registry
from telemetry_svc.store import Store

Make = Callable[..., Any]


async def stored(store: Store, device_id: int, version: int) -> dict[str, Any]:
    """The device's document, as soon as it is that new."""

    async def look() -> dict[str, Any] | None:
        return await store.devices.find_one({"_id": device_id, "version": {"$gte": version}})

    found = await eventually(look)
    assert found
    return found


async def test_events_that_come_late_or_twice_change_nothing(inventory: Any, admin: Any, store: Store) -> None:
    first = await inventory.tell(7, "deployed", name="First")
    first = type(first).FromString(first.SerializeToString())
    await inventory.tell(7, "maintenance", name="Second")
    await inventory.tell_again(first, "deployed")
    await inventory.tell_again(first, "deployed")
    await inventory.tell(8, "deployed")
    await stored(store, 8, 1)  # it came behind them
    document = await stored(store, 7, 2)
    assert (document["status"], document["name"], document["version"]) == ("maintenance", "Second", 2)
    health = await admin.health(7)
    assert (health.status, health.name, health.version) == ("maintenance", "Second", 2)


async def test_the_time_of_a_status_stays_while_other_facts_change(inventory: Any, admin: Any, store: Store) -> None:
    await inventory.tell(7, "deployed")
    since = (await stored(store, 7, 1))["since"]
    await inventory.tell(7, "deployed", key="updated", name="Renamed")
    document = await stored(store, 7, 2)
    assert (document["name"], document["since"]) == ("Renamed", since)


async def test_what_inventory_told_while_the_service_was_away_is_known_at_its_start(
    start: Any, inventory: Any, issuer: Issuer, client: Make, batch: Make, store: Store
) -> None:
    async with start() as channel:
        await inventory.deploy(7)
        await stored(store, 7, 1)
        assert (await client(channel, issuer.metadata()).health(7)).status == "deployed"
    inventory.admin = None
    await inventory.tell(7, "in_stock")
    await inventory.tell(8, "deployed")
    async with start() as channel:
        admin = client(channel, issuer.metadata())

        async def caught_up() -> bool:
            return (await admin.health(7)).status == "in_stock" and (await admin.health(8)).status == "deployed"

        async def known() -> bool:
            return len((await admin.fleet()).devices) == 2 and await caught_up()

        await eventually(known)
        summary = await admin.send(batch(1, [system()] * 2, device=[7, 8], temperature=[1, 2]))
        assert [rejection.reason for rejection in summary.rejections] == ["DEVICE_NOT_DEPLOYED"]
        assert summary.accepted_rows == 1


async def test_what_a_replica_was_not_told_of_it_finds_in_the_store(inventory: Any, gateway: Any, store: Store) -> None:
    await inventory.deploy(7)
    await gateway.create(7, {"temperature": 1})
    # As if another replica had stored it, of an event that came before this one's queue was there.
    retired = Device(7, "Device 7", "sensor", Status.RETIRED, 2, datetime.now(UTC))
    await Registry(store.devices, Fleet()).store([retired])

    async def known() -> bool:
        try:
            await gateway.create(7, {"temperature": 2})
        except grpc.aio.AioRpcError as error:
            return "retired" in str(error.details())
        return False

    await eventually(known, within=10, every=0.1)
