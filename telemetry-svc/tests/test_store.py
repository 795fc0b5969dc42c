"""What counts as MongoDB being away, on a real one."""

import asyncio

import pytest
from pymongo.errors import OperationFailure, PyMongoError

from servicekit.testing import eventually
from telemetry_svc.store import Store, is_away


async def test_a_read_that_is_interrupted_with_a_transactions_session_is_no_bug(store: Store) -> None:
    client = store.database.client
    async with client.start_session() as session:
        slow = store.leases.find_one({"$where": "sleep(200)"}, session=session, comment="slow")
        reading = asyncio.create_task(slow)

        async def begun() -> bool:
            found = await client.admin.aggregate([{"$currentOp": {}}, {"$match": {"command.comment": "slow"}}])
            return bool(await found.to_list())

        await eventually(begun)
        await client.admin.command({"killSessions": [{"id": session.session_id["id"]}]})
        with pytest.raises(PyMongoError) as no:
            await reading
    assert is_away(no.value)
    async with client.start_session() as session, store.leases.find({}, batch_size=2, session=session) as found:
        await found.next()
        await client.admin.command({"killSessions": [{"id": session.session_id["id"]}]})
        with pytest.raises(PyMongoError) as no:
            await found.to_list()
    assert is_away(no.value)
    assert not is_away(OperationFailure("unknown operator", 2))
