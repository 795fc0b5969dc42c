"""A session ends with its token, unless a fresh one came."""

import asyncio
import time
from datetime import datetime
from typing import Any

import pytest

from gateway.app import Edge
from gateway.testing import PATIENCE, Watcher
from servicekit.access import Kind, Role

SOON = 0.5


async def test_a_session_ends_with_its_token(watcher_of: Any, issuer: Any, edge: Edge):
    watcher = watcher_of()
    await watcher.connect({"token": issuer.token(ttl=SOON)})
    await watcher.subscribe("alerts")
    assert (await watcher.next("session_expired"))["reason"] == "SESSION_EXPIRED"
    await asyncio.wait_for(watcher.gone.wait(), PATIENCE)
    assert len(edge.sessions) == 0


async def test_a_session_ends_when_its_token_is_revoked_and_no_other_does(watcher_of: Any, issuer: Any, edge: Edge):
    revoked, later, other = watcher_of(), watcher_of(), watcher_of()
    await revoked.connect({"token": issuer.token(id=7)})
    now = time.time()
    await later.connect({"token": issuer.token(id=7)})
    await other.connect({"token": issuer.token(id=8)})
    edge.sessions.revoke("user:7", now)
    assert (await revoked.next("session_expired"))["reason"] == "SESSION_REVOKED"
    await asyncio.wait_for(revoked.gone.wait(), PATIENCE)
    assert await later.subscribe("alerts")
    assert await other.subscribe("alerts")
    assert len(edge.sessions) == 2


async def test_a_session_goes_on_with_a_fresh_token(watcher_of: Any, issuer: Any, publisher: Any):
    watcher, other = watcher_of(), watcher_of()
    await watcher.connect({"token": issuer.token(ttl=SOON)})
    await other.connect({"token": issuer.token(ttl=SOON)})
    before = time.time()
    answer = await watcher.call("authenticate", {"token": issuer.token(ttl=900)})
    assert datetime.fromisoformat(answer["expires_at"]).timestamp() == pytest.approx(before + 900, abs=10)
    await watcher.subscribe("alerts")
    await asyncio.wait_for(other.gone.wait(), PATIENCE)
    await publisher.alert()
    assert await watcher.next("alert")
    assert not watcher.gone.is_set()


async def test_a_fresh_token_may_bring_another_role(watcher: Watcher, issuer: Any):
    assert "expires_at" in await watcher.call("authenticate", {"token": issuer.token(role=Role.VIEWER)})


async def test_somebody_elses_token_or_an_old_one_does_not_renew(watcher: Watcher, issuer: Any):
    for principal, reason in (
        ({"id": 2}, "OTHER_PRINCIPAL"),
        ({"kind": Kind.SERVICE}, "OTHER_PRINCIPAL"),
        ({"kind": Kind.DEVICE}, "PRINCIPAL_NOT_ADMITTED"),
        ({"ttl": -1}, "UNAUTHENTICATED"),
    ):
        answer = await watcher.call("authenticate", {"token": issuer.token(**principal)})
        assert answer["error"]["reason"] == reason
    assert await watcher.subscribe("alerts")


async def test_no_token_does_not_renew(watcher: Watcher):
    for given in (None, {}, {"token": 7}, "token", []):
        answer = await watcher.call("authenticate", given)
        assert answer["error"]["reason"] == "TOKEN_MISSING"
    assert await watcher.subscribe("alerts")
