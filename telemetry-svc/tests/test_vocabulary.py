"""The names of metrics: there are so many, and nobody can use them up for all the others."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from telemetry_svc.clock import system
from telemetry_svc.columns.frame import Frame
from telemetry_svc.ingest import vocabulary
from telemetry_svc.ingest.vocabulary import MAX_METRICS, MAX_OF_DEVICE, Vocabulary
from telemetry_svc.store import Store

Make = Callable[..., Any]

AT_ONCE = 50


def named(names: Iterable[int]) -> dict[str, list[float]]:
    return {f"m{number}": [1.0] for number in names}


async def test_metrics_beyond_the_thousandth_are_refused(inventory: Any, gateway: Any, admin: Any, batch: Make) -> None:
    now = system()
    devices = range(1, 1 + MAX_METRICS // (2 * AT_ONCE))
    await inventory.deploy(*devices)
    starts = range(0, MAX_METRICS, AT_ONCE)
    batches = [
        batch(sequence, [now], device=1 + start // (2 * AT_ONCE), **named(range(start, start + AT_ONCE)))
        for sequence, start in enumerate(starts, 1)
    ]
    assert (await gateway.send(*batches)).rejected_rows == 0
    summary = await gateway.send(
        batch(1, [now], device=1, one_more=[1.0]), batch(2, [now + 1], device=1, m999=[2.0], m0=[3.0])
    )
    assert [(one.reason, one.rows, one.message) for one in summary.rejections] == [
        ("TOO_MANY_METRICS", 1, "There are 1000 metrics already")
    ]
    assert await admin.read(1, page_size=1) == [(now + 1, {"m0": 3.0, "m999": 2.0})]


async def test_a_device_that_makes_up_names_does_not_use_up_those_of_the_fleet(
    start: Any, inventory: Any, client: Any, issuer: Any, batch: Make
) -> None:
    now = system()
    for accepted in (2, 0):  # by a process that learns who brought what, and by one that has to know it
        async with start() as channel:
            gateway = client(channel, issuer.metadata())
            await inventory.deploy(7, 8)
            made_up = [
                batch(sequence, [now + sequence], device=7, **named(range(start, start + MAX_OF_DEVICE // 2)))
                for sequence, start in enumerate(range(1_000 * accepted, 1_000 * accepted + MAX_OF_DEVICE * 2, 64), 1)
            ]
            summary = await gateway.send(*made_up)
            assert summary.accepted_rows == accepted
            (refused,) = summary.rejections
            assert (refused.reason, refused.rows) == ("TOO_MANY_METRICS", len(made_up) - accepted)
            assert refused.message == f"Device 7 brought {MAX_OF_DEVICE} new metrics before, of {MAX_OF_DEVICE}"
            # What another one brings may be sent by the first as well.
            name, later = f"after_{accepted}", now + 200 - accepted
            summary = await gateway.send(batch(1, [later, later], device=[7, 8], **{name: [1.0, 2.0]}))
            assert summary.accepted_rows == 2
            assert (await gateway.read(7, page_size=1))[0] == (later, {name: 1.0})


async def test_what_another_replica_learned_is_nothing_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "FRESH_SECONDS", 0.0)
    here, there = Vocabulary(store.metrics), Vocabulary(store.metrics)

    def frame(device: int, *names: str) -> Frame:
        return Frame(np.array([device], np.int32), np.array([1]), {name: np.ones(1) for name in names}, 0)

    assert await here.learn(frame(7, *named(range(MAX_OF_DEVICE)))) is None
    assert await there.learn(frame(8, "late")) is None
    assert await here.learn(frame(7, "late")) is None
    assert await here.learn(frame(7, "its_own")) is not None
