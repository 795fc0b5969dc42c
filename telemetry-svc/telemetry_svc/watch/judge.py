"""What the rules make of the fleet: their memory of each device, and the alerts that open and clear."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.fleet import Fleet, Presence
from telemetry_svc.columns.frame import PARTITIONS, Floats, Frame, Ids, Ints, Mask
from telemetry_svc.watch.abnormal import Profile
from telemetry_svc.watch.presence import Patience
from telemetry_svc.watch.rules import (
    Abnormal,
    Excursion,
    Kind,
    Outcome,
    Phase,
    Rule,
    Threshold,
    crossing,
    step,
    unusual,
    words,
)

# Alerts of silence that a rule opens, and those that it clears, in one sweep. When a whole fleet falls silent the rest
# is for the next one: meanwhile readings are judged.
SWEPT_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert opens. `opened_ms`: since when the condition holds; `device_version`: inventory's, at that moment."""

    rule: Rule
    device_id: int
    device_version: int
    opened_ms: int
    value: float
    message: str


@dataclass(frozen=True, slots=True)
class Clearing:
    """The condition of the alert that a device has open is over since `cleared_ms`."""

    rule: Rule
    device_id: int
    cleared_ms: int


Change = Opening | Clearing


@dataclass(slots=True)
class Memory:
    """What a rule remembers: of which devices it waits for more (`excursions`, by partition), and the same as a column;
    and what is usual for each device, if that is what it looks at."""

    rule: Rule
    excursions: tuple[dict[int, Excursion], ...] = field(default_factory=lambda: tuple({} for _ in range(PARTITIONS)))
    phase: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    profile: Profile = field(default_factory=Profile)

    def grow(self, capacity: int) -> None:
        """Makes the columns as long as the fleet's."""
        if self.rule.abnormal:
            self.profile.grow(capacity)
        if len(self.phase) < capacity:
            self.phase = np.concatenate([self.phase, np.zeros(capacity - len(self.phase), np.int8)])

    def of(self, device_id: int) -> Excursion | None:
        """A device's excursion, if it is on one."""
        return self.excursions[device_id % PARTITIONS].get(device_id)

    def put(self, device_id: int, excursion: Excursion | None) -> None:
        """Remembers, or forgets, an excursion of a device."""
        if excursion:
            self.excursions[device_id % PARTITIONS][device_id] = excursion
        else:
            self.excursions[device_id % PARTITIONS].pop(device_id, None)
        self.phase[device_id] = excursion.phase if excursion else Phase.WITHIN


class Judge:
    """Steps the rules through what comes. Does no I/O: what is to be stored of it is what it gives back."""

    def __init__(self, fleet: Fleet, patience: Patience) -> None:
        self._fleet = fleet
        self._patience = patience
        self._memories: dict[str, Memory] = {}
        self._versions: dict[str, int] = {}

    def use(self, rules: Iterable[Rule]) -> None:
        """Judges by these rules from now on. A rule that changed begins without memory."""
        before = self._memories
        self._memories, self._versions = {}, {}
        for rule in rules:
            self._versions[rule.id] = rule.version
            if rule.enabled:
                memory = before.get(rule.id)
                same = memory is not None and memory.rule == rule
                self._memories[rule.id] = memory if memory is not None and same else Memory(rule)
                self._memories[rule.id].grow(self._fleet.capacity)

    def version_of(self, rule_id: str) -> int | None:
        """The version of a rule that is known, also of one that is off."""
        return self._versions.get(rule_id)

    def resume(self, rule_id: str, rule_version: int, device_id: int, excursion: Excursion) -> bool:
        """Remembers what was stored of a known device; False when it has no reason any more: its rule is gone, or is
        not the same."""
        memory = self._memories.get(rule_id)
        if memory is None or memory.rule.version != rule_version:
            return False
        memory.grow(self._fleet.capacity)
        memory.put(device_id, excursion)
        return True

    def excursions(self, partition: int) -> Iterator[tuple[Rule, Mapping[int, Excursion]]]:
        """What each rule remembers of a partition's devices."""
        for memory in self._memories.values():
            yield memory.rule, memory.excursions[partition]

    def forget(self, device_id: int) -> None:
        """Drops what every rule remembers of a device."""
        for memory in self._memories.values():
            if memory.of(device_id):
                memory.put(device_id, None)
            memory.profile.forget(device_id)
        self._fleet.dirty[device_id % PARTITIONS] = True

    def forget_all(self, partition: int) -> None:
        """Likewise, of all devices of a partition."""
        for memory in self._memories.values():
            memory.excursions[partition].clear()
            memory.phase[partition::PARTITIONS] = Phase.WITHIN
            memory.profile.count[partition::PARTITIONS] = 0

    def profiles(self) -> Iterator[tuple[Rule, Profile]]:
        """What the rules learned of the devices, as long as the fleet's columns."""
        for memory in self._memories.values():
            if memory.rule.abnormal:
                memory.grow(self._fleet.capacity)
                yield memory.rule, memory.profile

    def profile(self, rule_id: str, rule_version: int) -> Profile | None:
        """Likewise, of one rule; None when it is gone, or is not the same."""
        found = (profile for rule, profile in self.profiles() if (rule.id, rule.version) == (rule_id, rule_version))
        return next(found, None)

    def see(self, frame: Frame) -> tuple[list[Change], Mapping[str, Mask]]:
        """Takes in readings of known devices; gives, beside what the rules make of them, what Fleet.apply does."""
        news = self._fleet.apply(frame)
        changes: list[Change] = []
        for memory in self._memories.values():
            rule = memory.rule
            if rule.metric in frame.values and frame.received_ms >= rule.since_ms:
                memory.grow(self._fleet.capacity)
                if rule.threshold:
                    changes += self._step(memory, rule.threshold, frame, news[rule.metric])
                elif rule.abnormal:
                    changes += self._learn(memory, rule.abnormal, frame, news[rule.metric])
        return changes, news

    def _step(self, memory: Memory, threshold: Threshold, frame: Frame, news: Mask) -> list[Change]:
        rule, values = memory.rule, frame.values[threshold.metric]
        chosen = news & crossing(threshold, values, memory.phase[frame.device])
        if not chosen.any():
            return []
        devices = np.unique(frame.device[chosen])
        devices = devices[rule.applies(self._fleet, devices)]
        rows = _ordered(frame, news & np.isin(frame.device, devices))
        levels = values[rows]

        def told(row: int) -> tuple[float, str]:
            return float(levels[row]), words(threshold, float(levels[row]))

        return self._walk(memory, threshold, frame.device[rows], frame.time_ms[rows], levels, told)

    def _learn(self, memory: Memory, abnormal: Abnormal, frame: Frame, news: Mask) -> list[Change]:
        rows = _ordered(frame, news & memory.rule.applies(self._fleet, frame.device))
        device, time_ms = frame.device[rows], frame.time_ms[rows]
        # Of rows that agree in device and time the first one counts: nothing is learned twice.
        single = (np.diff(device, prepend=-1) != 0) | (np.diff(time_ms, prepend=-1) != 0)
        device, time_ms, values = device[single], time_ms[single], frame.values[abnormal.metric][rows[single]]
        scores, means = memory.profile.take(device, values, abnormal.alpha, abnormal.warm_up)
        chosen = np.isin(device, np.unique(device[crossing(abnormal.band, scores, memory.phase[device])]))
        values, scores, means = values[chosen], scores[chosen], means[chosen]

        def told(row: int) -> tuple[float, str]:
            value = float(values[row])
            return value, unusual(abnormal.metric, value, float(means[row]), float(scores[row]))

        return self._walk(memory, abnormal.band, device[chosen], time_ms[chosen], scores, told)

    def _walk(
        self,
        memory: Memory,
        threshold: Threshold,
        device: Ids,
        time_ms: Ints,
        levels: Floats,
        told: Callable[[int], tuple[float, str]],
    ) -> list[Change]:
        """Steps through rows one by one; `told`: the value and the words of an alert that a row opens."""
        changes: list[Change] = []
        columns = device.tolist(), time_ms.tolist(), levels.tolist()
        for row, (device_id, time, level) in enumerate(zip(*columns, strict=True)):
            before = memory.of(device_id)
            after, outcome = step(threshold, before, time, level)
            if after is not before:
                memory.put(device_id, after)
            if outcome is Outcome.OPENED and after:
                changes.append(self._opening(memory.rule, device_id, after.since_ms, *told(row)))
            elif outcome is Outcome.CLEARED:
                changes.append(Clearing(memory.rule, device_id, time))
        return changes

    def sweep(self, now_ms: int, mine: Mask) -> list[Change]:
        """Opens and clears alerts of silence, by the presence that devices have now; `mine`: of these partitions."""
        changes: list[Change] = []
        for memory in self._memories.values():
            if memory.rule.kind is Kind.OFFLINE:
                memory.grow(self._fleet.capacity)
                changes += self._open_silent(memory, now_ms, mine)
                changes += self._clear_heard(memory, mine)
        return changes

    def _open_silent(self, memory: Memory, now_ms: int, mine: Mask) -> Sequence[Change]:
        silent = np.flatnonzero((self._fleet.presence == Presence.OFFLINE) & (memory.phase == Phase.WITHIN))
        silent = silent[mine[silent % PARTITIONS]]
        silent = silent[memory.rule.applies(self._fleet, silent)]
        due_ms = self._patience.ends_ms(self._fleet, silent)
        # Offline it may be from before it came to its status: then it has its time still.
        due = np.flatnonzero(due_ms < now_ms)[:SWEPT_AT_ONCE]
        silent, due_ms = silent[due], due_ms[due]
        allowed_ms = self._fleet.silences(silent, self._patience.silence_ms)
        changes: list[Change] = []
        columns = silent.tolist(), due_ms.tolist(), allowed_ms.tolist()
        for device_id, opened_ms, silence_ms in zip(*columns, strict=True):
            memory.put(device_id, Excursion(opened_ms, opened=True))
            silence = (now_ms - int(self._fleet.last_seen_ms[device_id])) / 1000
            seen = self._fleet.last_seen_ms[device_id] > 0
            message = f"silent for more than {silence_ms // 1000} s" if seen else "never heard of"
            changes.append(self._opening(memory.rule, device_id, opened_ms, silence if seen else 0.0, message))
        return changes

    def _clear_heard(self, memory: Memory, mine: Mask) -> Sequence[Change]:
        heard = np.flatnonzero((self._fleet.presence == Presence.ONLINE) & (memory.phase == Phase.OPEN))
        heard = heard[mine[heard % PARTITIONS]]
        due_ms = self._patience.ends_ms(self._fleet, heard)
        changes: list[Change] = []
        for device_id, ends_ms in zip(heard.tolist(), due_ms.tolist(), strict=True):
            if len(changes) == SWEPT_AT_ONCE:
                break
            excursion = memory.of(device_id)
            # Else nothing was heard since it began: its presence is of a state that was saved before, by whoever owned
            # the device then.
            if excursion and ends_ms > excursion.since_ms:
                since_ms = excursion.since_ms
                memory.put(device_id, None)
                # Not before it began: it may also be over because the device's type allows a longer silence by now.
                changes.append(
                    Clearing(memory.rule, device_id, max(int(self._fleet.last_seen_ms[device_id]), since_ms))
                )
        return changes

    def _opening(self, rule: Rule, device_id: int, opened_ms: int, value: float, message: str) -> Opening:
        return Opening(rule, device_id, int(self._fleet.version[device_id]), opened_ms, value, message)


def _ordered(frame: Frame, chosen: Mask) -> NDArray[np.intp]:
    """The chosen rows by device, those of one device by time, equal ones as they came."""
    rows = np.flatnonzero(chosen)
    return rows[np.lexsort((frame.time_ms[rows], frame.device[rows]))]
