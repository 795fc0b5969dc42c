"""Which rows may be stored: all rows of a section are judged at once, column by column."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from telemetry_svc.columns.fleet import MAY_SEND, Fleet, Status
from telemetry_svc.columns.frame import Floats, Frame, Ids, Ints, Mask
from telemetry_svc.ingest.intake import Refusal, Section


@dataclass(frozen=True, slots=True)
class Limits:
    """The times that are taken, in milliseconds from now; `age_ms` where a device's type says nothing."""

    ahead_ms: int = 5 * 60 * 1000
    age_ms: int = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Check:
    """A reason to refuse rows, the rows that it concerns, and what to say of one of them."""

    reason: str
    rows: Mask
    say: Callable[[int], str]


class Admitted(NamedTuple):
    """The rows of a section that may be stored: these of all its rows, None: all. And the others' refusals."""

    section: Section
    frame: Frame
    refusals: list[Refusal]
    rows: Mask | None

    def refuse(self, rows: NDArray[np.intp] | slice, reason: str, why: str) -> list[Refusal]:
        """Refusals of rows of the frame all the same, one for each batch that they came with."""
        batch = np.repeat(np.arange(len(self.section.rows)), self.section.rows)
        batch = batch if self.rows is None else batch[self.rows]
        numbers, counts = np.unique(batch[rows], return_counts=True)
        senders = map(self.section.senders.__getitem__, numbers.tolist())
        return [Refusal(sender, reason, count, why) for sender, count in zip(senders, counts.tolist(), strict=True)]


def admit(section: Section, fleet: Fleet, limits: Limits, received_ms: int) -> Admitted:
    """Judges the rows of a section; those that came without a time get the server's.

    The fleet hears of the senders' clocks, also of one that is too far off for its rows to be stored.
    A row that breaks several rules is refused for the first of: not its sender's device, no such device, a device that
    may not send, its values, its time.
    """
    device, time_ms, values = section.columns()
    checks = [*_of_devices(section, device, fleet), *_of_values(values)]
    good = ~np.logical_or.reduce([check.rows for check in checks])
    unstamped = np.flatnonzero((time_ms == 0) & good)
    time_ms[unstamped] = fleet.stamp(device[unstamped], received_ms, received_ms + limits.ahead_ms)
    late = _of_times(device, time_ms, good, fleet, limits, received_ms)
    _hear_clocks(section, device, good, fleet, received_ms)
    frame = Frame(device, time_ms, values, received_ms)
    bad = np.logical_or.reduce([~good, *[check.rows for check in late]])
    if not bad.any():
        return Admitted(section, frame, [], None)
    return Admitted(section, frame.take(~bad), _refusals(section, [*checks, *late]), ~bad)


def _of_devices(section: Section, device: Ids, fleet: Fleet) -> list[Check]:
    status = fleet.statuses(device)
    own = np.array([sender.own_device for sender in section.senders], np.int32)
    foreign = np.zeros(len(device), bool)
    if own.any():
        owner = np.repeat(own, section.rows)
        foreign = (owner != 0) & (owner != device)
    return [
        Check("NOT_OWN_DEVICE", foreign, lambda row: f"Device {device[row]} is not the sender's own"),
        Check("UNKNOWN_DEVICE", status == Status.UNKNOWN, lambda row: f"There is no device {device[row]}"),
        Check(
            "DEVICE_NOT_DEPLOYED",
            ~MAY_SEND[status],
            lambda row: f"Device {device[row]} is {Status(status[row]).name.lower()}",
        ),
    ]


def _of_values(values: dict[str, Floats]) -> list[Check]:
    columns = list(values.values())
    finite = [np.isfinite(column) for column in columns]
    some = np.logical_or.reduce(finite)
    infinite = np.zeros(len(some), bool)
    for column, fine in zip(columns, finite, strict=True):
        if not fine.all():
            infinite |= np.isinf(column)
    return [
        Check("INVALID_VALUE", infinite, lambda _: "An infinity is no value"),
        Check("INVALID_VALUE", ~some, lambda _: "A row of gaps alone says nothing"),
    ]


def _of_times(device: Ids, time_ms: Ints, good: Mask, fleet: Fleet, limits: Limits, now_ms: int) -> list[Check]:
    too_old = good & (time_ms < now_ms - fleet.shortest_retention(limits.age_ms))
    # What some type would not keep is rare: only there each device's own is looked up.
    old = np.flatnonzero(too_old)
    too_old[old] = time_ms[old] < now_ms - fleet.retentions(device[old], limits.age_ms)
    return [
        Check(
            "TIME_IN_FUTURE",
            good & (time_ms > now_ms + limits.ahead_ms),
            lambda row: f"Time {time_ms[row]} is more than {limits.ahead_ms // 1000} s ahead",
        ),
        Check(
            "TIME_TOO_OLD",
            too_old,
            lambda row: (
                f"Time {time_ms[row]} is older than {fleet.retentions(device[[row]], limits.age_ms)[0] // 1000} s"
            ),
        ),
    ]


def _hear_clocks(section: Section, device: Ids, good: Mask, fleet: Fleet, received_ms: int) -> None:
    if not any(section.sent_ms):
        return
    sent_ms = np.repeat(np.array(section.sent_ms, np.int64), section.rows)
    told = np.flatnonzero(good & (sent_ms > 0))
    device, sent_ms = device[told], sent_ms[told]
    # Of rows in a row that say the same, one is enough: most batches are of one device.
    different = np.ones(len(told), bool)
    different[1:] = (device[1:] != device[:-1]) | (sent_ms[1:] != sent_ms[:-1])
    fleet.hear_clocks(device[different], sent_ms[different] - received_ms, received_ms)


def _refusals(section: Section, checks: list[Check]) -> list[Refusal]:
    """One for each batch and reason; a row counts for the first check that it fails."""
    batch = np.repeat(np.arange(len(section.rows)), section.rows)
    left = np.ones(len(batch), bool)
    found: list[Refusal] = []
    for check in checks:
        rows = np.flatnonzero(check.rows & left)
        left[rows] = False
        numbers, first, counts = np.unique(batch[rows], return_index=True, return_counts=True)
        found += [
            Refusal(section.senders[number], check.reason, count, check.say(int(rows[start])))
            for number, start, count in zip(numbers.tolist(), first.tolist(), counts.tolist(), strict=True)
        ]
    return found
