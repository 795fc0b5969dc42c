"""The fleet in numbers: as many questions to the database however much was measured, and what counting it all gives."""

from collections.abc import Callable
from functools import partial
from typing import Any

import bson
import numpy as np
import pytest
from pymongo import AsyncMongoClient, monitoring

from servicekit.testing import eventually
from telemetry_svc import store as stores
from telemetry_svc.clock import system
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.history.statistics import PENDING
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store

Make = Callable[..., Any]
MINUTES = 5


class Heard(monitoring.CommandListener):
    """What the service asks MongoDB for: by collection, the documents of each answer, in bytes."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, list[int]]] = []
        self._asked: dict[int, str] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        name = event.command.get("collection") or event.command.get(event.command_name)
        if event.command_name in ("find", "aggregate", "getMore") and isinstance(name, str):
            self._asked[event.request_id] = name

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if name := self._asked.pop(event.request_id, ""):
            cursor = event.reply["cursor"]
            documents = cursor.get("firstBatch", cursor.get("nextBatch"))
            self.answers.append((name, [len(bson.encode(one)) for one in documents]))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._asked.pop(event.request_id, None)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    heard = Heard()
    monkeypatch.setattr(stores, "AsyncMongoClient", partial(AsyncMongoClient, event_listeners=[heard]))
    return heard


@pytest.fixture
def settings(settings: Settings, heard: Heard) -> Settings:
    """Folds whatever there is, at once, and is listened to."""
    return settings.model_copy(update={"fold_rows": 1})


async def readings(admin: Any, device_id: int) -> list[float]:
    """The temperatures of a device, page by page."""
    found: list[float] = []
    token = ""
    while True:
        page = await admin.page(device_id, page_size=500, page_token=token)
        found += [one.metrics["temperature"] for one in page.readings]
        token = page.next_page_token
        if not token:
            return found


async def test_the_fleet_in_numbers_costs_the_same_with_hundreds_of_times_as_many_readings_and_equals_a_recount(
    inventory: Any, admin: Any, batch: Make, store: Store, heard: Heard
) -> None:
    await inventory.deploy(7, 8)
    random = np.random.default_rng(3)
    start = (system() // 60_000 - MINUTES) * 60_000

    async def measured(sequence: int, each: int) -> dict[str, list[int]]:
        """So many readings of both devices in each minute, folded; the documents that it takes to ask for numbers."""
        times = [start + 60_000 * minute + 10 * row + sequence for minute in range(MINUTES) for row in range(each)]
        for device_id in (7, 8):
            values = random.normal(20, 5, len(times)).round(1).tolist()
            await admin.send(batch(sequence, times, device=device_id, temperature=values))

        async def quiet() -> bool:
            # Each partition has said what it has not folded: nothing.
            said = await store.statistics.count_documents({"_id.hour": PENDING})
            return said == PARTITIONS and not await store.journal.count_documents({})

        await eventually(quiet, within=30)
        heard.answers.clear()
        stats = (await admin.stats()).metrics["temperature"]
        found: dict[str, list[int]] = {}
        for name, documents in heard.answers:
            found.setdefault(name, []).extend(documents)
        values = [*await readings(admin, 7), *await readings(admin, 8)]
        assert (stats.count, stats.min, stats.max) == (len(values), min(values), max(values))
        assert stats.avg == pytest.approx(sum(values) / len(values))
        return found

    few = await measured(1, 2)
    many = await measured(2, 1_000)
    assert few["statistics"]
    # A number with more digits may take a byte more.
    assert len(many["statistics"]) == len(few["statistics"])
    assert sum(many["statistics"]) < 1.2 * sum(few["statistics"])
    # Nothing of what was measured is opened.
    assert not {"segments", "heads"} & many.keys()
