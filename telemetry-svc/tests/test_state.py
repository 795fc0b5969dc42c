"""What is saved of the fleet, and comes back."""

from dataclasses import replace

import numpy as np
import pytest

from telemetry_svc.columns.fleet import Fleet, Presence, Status
from telemetry_svc.columns.frame import PARTITIONS, Frame
from telemetry_svc.fence import LeaseLost
from telemetry_svc.store import Store
from telemetry_svc.watch.judge import Judge
from telemetry_svc.watch.presence import Patience
from telemetry_svc.watch.rules import Abnormal, Direction, Excursion, Kind, Rule, Severity, Threshold
from telemetry_svc.watch.state import Saved, State

PATIENCE = Patience(60_000, 60_000)
RULE = Rule("r", 1, Kind.THRESHOLD, Severity.INFO, threshold=Threshold("load", Direction.ABOVE, 1, 1, for_ms=10))


def made() -> tuple[Fleet, Judge]:
    """A fleet of 200 devices, and its judge."""
    fleet = Fleet()
    for device_id in range(1, 201):
        fleet.place(device_id, Status.DEPLOYED, device_type="sensor", version=1, since_ms=1)
    judge = Judge(fleet, PATIENCE)
    judge.use([RULE])
    return fleet, judge


def frame(devices: list[int], time_ms: int, load: float) -> Frame:
    rows = len(devices)
    return Frame(
        np.array(devices, np.int32), np.full(rows, time_ms), {"load": np.full(rows, load)}, received_ms=time_ms
    )


async def save(state: State, fleet: Fleet, judge: Judge) -> None:
    for partition in range(PARTITIONS):
        await state.save(fleet, judge, partition, epoch=1)


def remembered(judge: Judge) -> list[tuple[Rule, int, Excursion]]:
    """Rule, device and what is remembered of it."""
    return [
        (rule, device_id, excursion)
        for partition in range(PARTITIONS)
        for rule, excursions in judge.excursions(partition)
        for device_id, excursion in excursions.items()
    ]


async def test_everything_comes_back(store: Store) -> None:
    fleet, judge = made()
    judge.see(frame([1, 2, 65, 200], 100, 0.5))
    judge.see(frame([2], 200, 7.5))
    fleet.presence[1] = Presence.ONLINE
    await save(State(store.states), fleet, judge)

    again, its_judge = made()
    await State(store.states).restore(again, its_judge, range(PARTITIONS))
    assert again.last_seen_ms.tolist() == fleet.last_seen_ms.tolist()
    assert again.presence.tolist() == fleet.presence.tolist()
    assert again.latest["load"].value.tolist() == fleet.latest["load"].value.tolist()
    assert again.latest["load"].time_ms.tolist() == fleet.latest["load"].time_ms.tolist()
    assert remembered(its_judge) == [(RULE, 2, Excursion(200, opened=False))]


async def test_what_was_held_up_on_its_way_is_not_saved_after_what_followed_it(store: Store) -> None:
    fleet, judge = made()
    state = State(store.states)
    await state.save(fleet, judge, 1, epoch=1)
    judge.see(frame([1], 100, 0.5))
    await state.save(fleet, judge, 1, epoch=1)
    with pytest.raises(LeaseLost):
        # Its first word, as if it arrived only now.
        await State(store.states).save(made()[0], judge, 1, epoch=1)

    again, its_judge = made()
    await State(store.states).restore(again, its_judge, [1])
    assert again.last_seen_ms[1] == 100


async def test_an_owner_of_the_past_saves_nothing_any_more(store: Store) -> None:
    fleet, judge = made()
    state = State(store.states)
    judge.see(frame([2], 100, 0.5))
    await state.save(fleet, judge, 2, epoch=5)
    judge.see(frame([2], 200, 0.5))
    with pytest.raises(LeaseLost):
        await state.save(fleet, judge, 2, epoch=4)
    again, its_judge = made()
    await state.restore(again, its_judge, [2])
    assert again.latest["load"].time_ms[2] == 100


async def test_what_another_owner_saved_is_seen_once(store: Store) -> None:
    fleet, judge = made()
    owners, others = State(store.states), State(store.states)
    judge.see(frame([2], 100, 0.5))
    fleet.presence[2] = Presence.ONLINE
    await owners.save(fleet, judge, 2, epoch=1)
    shadow, _ = made()
    await others.watch_others(shadow, [1, 2])
    assert (shadow.last_seen_ms[2], shadow.presence[2], shadow.latest["load"].value[2]) == (100, Presence.ONLINE, 0.5)
    shadow.forget(2)
    await others.watch_others(shadow, [1, 2])
    assert shadow.last_seen_ms[2] == 0
    judge.see(frame([2], 200, 1.5))
    await owners.save(fleet, judge, 2, epoch=1)
    await others.watch_others(shadow, [1, 2])
    assert shadow.latest["load"].value[2] == 1.5


async def test_what_is_pending_for_a_rule_that_changed_is_forgotten(store: Store) -> None:
    fleet, judge = made()
    judge.see(frame([2], 200, 7.5))
    await save(State(store.states), fleet, judge)
    again, its_judge = made()
    its_judge.use([Rule("r", 2, Kind.THRESHOLD, Severity.INFO, threshold=RULE.threshold)])
    await State(store.states).restore(again, its_judge, range(PARTITIONS))
    assert remembered(its_judge) == []
    assert not its_judge.resume("gone", 1, 2, Excursion(1, opened=True))


async def test_what_was_learned_of_each_device_comes_back_and_only_for_the_same_rule(store: Store) -> None:
    rule = Rule("a", 1, Kind.ABNORMAL, Severity.INFO, abnormal=Abnormal("load", 4, 0.05, 10))
    fleet, judge = made()
    judge.use([rule])
    for time_ms in range(100, 150):
        judge.see(frame([1, 2, 65, 200], time_ms, float(time_ms % 7)))
    judge.forget(2)
    await save(State(store.states), fleet, judge)
    ((_, learned),) = judge.profiles()

    again, its_judge = made()
    its_judge.use([rule])
    await State(store.states).restore(again, its_judge, range(PARTITIONS))
    ((_, restored),) = its_judge.profiles()
    assert restored.count.tolist() == learned.count.tolist()
    assert restored.mean.tolist()[:2] == learned.mean.tolist()[:2]
    assert restored.variance[[1, 65, 200]].tolist() == learned.variance[[1, 65, 200]].tolist()
    assert its_judge.see(frame([1], 90, 50.0))[0] == []  # older than what was learned
    assert restored.count.tolist() == learned.count.tolist()
    assert [change.device_id for change in its_judge.see(frame([1, 2], 300, 50.0))[0]] == [1]

    other, other_judge = made()
    other_judge.use([replace(rule, version=2)])
    await State(store.states).restore(other, other_judge, range(PARTITIONS))
    ((_, forgotten),) = other_judge.profiles()
    assert not forgotten.count.any()


async def test_what_an_older_release_saved_of_excursions_comes_back(store: Store) -> None:
    fleet, judge = made()
    judge.see(frame([2, 3], 200, 0.5))
    await save(State(store.states), fleet, judge)
    one = {"rule_id": "r", "rule_version": 1, "since_ms": 150}
    for device_id, key in ((2, "pending"), (3, "open")):
        await store.states.update_one({"_id": device_id}, {"$set": {key: [{**one, "device_id": device_id}]}})
    again, its_judge = made()
    assert await State(store.states).restore(again, its_judge, range(PARTITIONS)) == [Saved("r", 1, 3, 150)]
    assert remembered(its_judge) == [(RULE, 2, Excursion(150, opened=False))]


async def test_a_whole_fleet_may_be_on_an_excursion(store: Store) -> None:
    """As when a site loses its network: of a million devices a partition has 15,625."""
    fleet, judge = made()
    devices = list(range(1, 1 + 15_625 * PARTITIONS, PARTITIONS))
    for device_id in devices:
        fleet.place(device_id, Status.DEPLOYED, device_type="sensor", version=1, since_ms=1)
    rules = [replace(RULE, id=f"r{number}") for number in range(20)]
    judge.use(rules)
    for rule in rules:
        for device_id in devices:
            judge.resume(rule.id, 1, device_id, Excursion(200, opened=True))
    fleet.last_seen_ms[devices] = 300
    await State(store.states).save(fleet, judge, 1, epoch=1)
    were_open = await State(store.states).restore(fleet, made()[1], [1])
    assert len(were_open) == len(rules) * len(devices)
    assert Saved("r7", 1, devices[-1], 200) in were_open


async def test_what_was_open_is_told_and_not_of_a_device_that_came_to_its_status_since(store: Store) -> None:
    fleet, judge = made()
    judge.see(frame([2, 3], 200, 7.5))
    judge.see(frame([2, 3], 210, 7.5))
    await save(State(store.states), fleet, judge)
    again, its_judge = made()
    again.place(3, Status.MAINTENANCE, device_type="sensor", version=2, since_ms=300)
    again.place(3, Status.DEPLOYED, device_type="sensor", version=3, since_ms=400)
    were_open = await State(store.states).restore(again, its_judge, range(PARTITIONS))
    assert were_open == [Saved("r", 1, 2, 200)]
    assert remembered(its_judge) == []
