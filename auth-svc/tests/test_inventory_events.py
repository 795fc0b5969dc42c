"""What inventory tells comes twice, late, in any order, or broken; auth ends up knowing the truth."""

import itertools
import random

import aio_pika
import pytest
from structlog.testing import capture_logs

from auth_svc.consumers import QUEUE
from fieldstock.inventory.v1 import events_pb2
from servicekit.testing import eventually, refused


async def test_a_credential_may_come_before_its_device(auth, inventory):
    await inventory.credential("secret")
    await inventory.heard()
    early = await refused(auth.device_token("SN-7", "secret"))
    assert (early.code, early.reason) == ("PERMISSION_DENIED", "DEVICE_NOT_DEPLOYED")

    await inventory.device(status="deployed")
    await inventory.heard()
    assert (await auth.device_token("SN-7", "secret")).device_id == 7


async def test_a_device_may_come_before_its_credential(auth, inventory):
    await inventory.device(status="deployed")
    await inventory.heard()
    assert (await refused(auth.device_token("SN-7", "secret"))).reason == "INVALID_CREDENTIALS"
    await inventory.credential("secret")
    await inventory.heard()
    assert (await auth.device_token("SN-7", "secret")).device_id == 7


async def test_a_late_credential_does_not_bring_back_an_old_serial_number(auth, inventory):
    await inventory.device(status="deployed", serial="SN-NEW")
    await inventory.credential("secret", serial="SN-OLD")
    await inventory.heard()
    assert (await auth.device_token("SN-NEW", "secret")).device_id == 7


async def test_events_in_any_order_and_twice_lead_to_the_same_end(auth, inventory, rows):
    async def tell(id, what):
        match what:
            case 0:
                await inventory.device(id, "in_stock", 1, f"OLD-{id}")
            case 1:
                await inventory.credential("first", id, 1, f"OLD-{id}")
            case 2:
                await inventory.device(id, "deployed", 2, f"SN-{id}")
            case 3:
                await inventory.credential("second", id, 3, f"SN-{id}")
            case 4:
                await inventory.device(id, "maintenance", 4, f"SN-{id}")

    orders = random.Random(7).sample(list(itertools.permutations(range(5))), 40)
    for id, order in enumerate(orders, start=1):
        for what in [*order, *reversed(order)]:
            await tell(id, what)
    await inventory.heard()

    query = """
        SELECT DISTINCT replace(serial_number, device_id::text, 'n'), status, device_version, credential_version
        FROM t_device_principals WHERE device_id <= 40
    """
    assert await (await rows.execute(query)).fetchall() == [("SN-n", "maintenance", 4, 3)]
    assert (await auth.device_token("SN-40", "second")).device_id == 40
    assert (await refused(auth.device_token("SN-40", "first"))).reason == "INVALID_CREDENTIALS"


@pytest.mark.parametrize(
    "key, body, reason",
    [
        ("deployed", b"\xff not a protobuf", "Error parsing"),
        ("deployed", b"", "no device in it"),
        ("credential", b"\xff not a protobuf", "Error parsing"),
        (
            "credential",
            events_pb2.DeviceCredentialChanged(device_id=7, version=1).SerializeToString(),
            "no credential in it",
        ),
    ],
    ids=["no protobuf", "no device", "no protobuf of a credential", "no hash"],
)
async def test_an_event_that_cannot_be_read_is_set_aside_and_holds_up_no_other(
    auth, inventory, vhost, key, body, reason
):
    await inventory.tell(key, body)
    await inventory.device(status="deployed")
    await inventory.heard()
    async with await aio_pika.connect(vhost) as connection:
        grave = await (await connection.channel()).get_queue(f"{QUEUE}.dead")
        buried = await grave.get(no_ack=True)
    assert buried.body == body
    assert reason in buried.headers["x-reason"]


async def test_a_devices_settings_are_no_concern_of_auth(inventory, rows):
    await inventory.device(status="deployed")
    await inventory.tell("settings", b"\xff whatever they look like")
    await inventory.heard()
    query = "SELECT status, device_version FROM t_device_principals WHERE device_id = 7"
    assert await (await rows.execute(query)).fetchall() == [("deployed", 2)]


async def test_events_wait_while_the_database_is_away(auth, inventory, outage):
    async def waits():
        return any(log["event"] == "event_waits" for log in logs)

    with capture_logs() as logs:
        async with outage():
            await inventory.device(status="deployed")
            await inventory.credential("secret")
            away = await refused(auth.login())
            assert (away.code, away.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
            await eventually(waits)
    await inventory.heard()
    assert (await auth.device_token("SN-7", "secret")).device_id == 7
