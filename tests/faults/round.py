"""One round: a load, something that happens to it, and what must be true afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
import numpy as np

from servicekit.testing import eventually
from telemetry_svc.clock import system
from tests.faults.door import Door
from tests.faults.house import BEACON, PATIENCE_SECONDS, RULES, SILENCE_SECONDS, Enrolled, House
from tests.faults.measured import METRICS, Course
from tests.faults.reader import PAGE, Reader
from tests.faults.source import Source

# Devices that send themselves, gateways, and the devices of each; and devices that are heard of once.
DEVICES, GATEWAYS, OF_A_GATEWAY, BEACONS = 16, 3, 20, 6
HOUR_MS = 3_600_000
# The rule that there is from the beginning.
OFFLINE = "offline"
UNDER_LOAD, AGAIN = 8, 5
READERS = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made of one device."""

    id: int
    course: Course
    rows: int


class Round:
    """`location`: of its devices, and of nobody else's."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.location = f"Round {uuid4().hex[:8]}"
        self.sources: list[Source] = []
        self._beacons: list[Enrolled] = []

    async def run(self, harms: Iterable[Callable[[], Awaitable[None]]]) -> None:
        """Sends, lets each of `harms` happen and sends until it goes on as before, and checks everything."""
        await self._house.sign_in()
        await self._house.settled()
        await self._prepare()
        enough = asyncio.Event()
        sending = asyncio.gather(*(source.run(self._house.doors, enough) for source in self.sources))
        reader = Reader(self._house, self.sources)
        reading = asyncio.create_task(reader.run())
        try:
            await self._goes_on(UNDER_LOAD, sending)
            for harm in harms:
                await harm()
                await self._goes_on(AGAIN, sending)
            enough.set()
            await asyncio.wait_for(sending, PATIENCE_SECONDS)
        finally:
            sending.cancel()
            reading.cancel()
            await asyncio.wait([reading])
        if not reading.cancelled():
            reading.result()
        assert reader.faults == []
        assert reader.answers
        await self._house.reached()
        await self._check()

    async def _prepare(self) -> None:
        house = self._house
        enrolled = await house.enrol(self.location, DEVICES, GATEWAYS * OF_A_GATEWAY)
        start_ms = system() // 1000 * 1000 - 3 * HOUR_MS
        courses = [Course(number, start_ms, 300 if number < DEVICES else 90) for number in range(len(enrolled))]
        for device, course in zip(enrolled[:DEVICES], courses[:DEVICES], strict=True):
            self.sources.append(Source({device.id: course}, device.metadata, rows=5))
        gateway = await house.gateway()
        for number in range(GATEWAYS):
            first = DEVICES + number * OF_A_GATEWAY
            pairs = zip(enrolled[first : first + OF_A_GATEWAY], courses[first : first + OF_A_GATEWAY], strict=True)
            self.sources.append(Source({device.id: course for device, course in pairs}, gateway, rows=1))
        self._beacons = await house.enrol(f"{self.location}, the mast", BEACONS, 0, BEACON)
        await asyncio.gather(*(house.speak(one.id, one.metadata) for one in self._beacons))

    async def _goes_on(self, batches: int, sending: asyncio.Future[Any]) -> None:
        before = [source.committed for source in self.sources]

        async def all_of_them() -> bool:
            if sending.done():
                sending.result()
            return all(source.committed >= was + batches for source, was in zip(self.sources, before, strict=True))

        await eventually(all_of_them, within=PATIENCE_SECONDS, every=0.05)

    # --- what must be true

    async def _check(self) -> None:
        assert [lie for source in self.sources for lie in source.lies] == []
        outcomes = [
            Outcome(device_id, course, source.committed * source.rows)
            for source in self.sources
            for device_id, course in source.devices.items()
        ]
        # Else nothing was in the middle of anything.
        await eventually(lambda: self._house.folded([one.id for one in outcomes]), within=PATIENCE_SECONDS, every=0.1)
        await self._check_readings(outcomes)
        await self._check_numbers(outcomes)
        await self._check_alerts(outcomes)
        await self._check_silence()
        await self._check_what_was_heard()
        for replica in self._house.replicas:
            troubles = replica.troubles()
            assert not troubles, "\n".join(troubles)

    async def _check_readings(self, outcomes: list[Outcome]) -> None:
        turn = asyncio.Semaphore(READERS)

        async def check(one: Outcome) -> None:
            async with turn:
                await self._check_device(one)

        await asyncio.gather(*(check(one) for one in outcomes))

    async def _check_device(self, one: Outcome) -> None:
        times: list[int] = []
        values: dict[str, list[float]] = {metric: [] for metric in METRICS}
        door, token = random.choice(self._house.doors), ""
        while True:
            page = await self._house.page(door, one.id, page_size=PAGE, page_token=token)
            for reading in page.readings:
                times.append(reading.time.ToMilliseconds())
                for metric in METRICS:
                    values[metric].append(reading.metrics[metric])
            token = page.next_page_token
            if not token:
                break
        made = one.course.times(0, one.rows)
        lost, more = np.setdiff1d(made, times), np.setdiff1d(times, made)
        assert (len(lost), len(more), len(times) - len(set(times))) == (0, 0, 0), f"of device {one.id}"
        for metric, column in one.course.values(0, one.rows).items():
            assert values[metric][::-1] == column.tolist(), f"of device {one.id}"

    async def _check_numbers(self, outcomes: list[Outcome]) -> None:
        expected = {}
        for metric in METRICS:
            column = np.concatenate([one.course.values(0, one.rows)[metric] for one in outcomes])
            expected[metric] = (len(column), float(column.min()), float(column.max()), round(float(column.mean()), 6))

        async def told(door: Door) -> Any:
            found = await self._house.numbers(door, self.location)
            return {metric: (one.count, one.min, one.max, round(one.avg, 6)) for metric, one in found.items()}

        for door in self._house.doors:
            await becomes(lambda door=door: told(door), expected)

    async def _check_alerts(self, outcomes: list[Outcome]) -> None:
        expected = [
            (name, one.id, opened_ms, cleared_ms)
            for name, seconds in RULES.items()
            for one in outcomes
            for opened_ms, cleared_ms in one.course.alerts(one.rows, seconds * 1000)
        ]

        async def told() -> Any:
            found = []
            for name, rule_id in self._house.rules.items():
                for alert in await self._alerts(rule_id):
                    found.append((name, alert.device_id, alert.opened_at.ToMilliseconds(), _when(alert)))
            return sorted(found, key=str)

        await becomes(told, sorted(expected, key=str))

    async def _check_silence(self) -> None:
        message = f"silent for more than {SILENCE_SECONDS} s"

        async def told() -> Any:
            return sorted((alert.device_id, alert.state, alert.message) for alert in await self._alerts(OFFLINE))

        await becomes(told, [(one.id, "active", message) for one in self._beacons])

    async def _check_what_was_heard(self) -> None:
        alerts = [alert for rule_id in (*self._house.rules.values(), OFFLINE) for alert in await self._alerts(rule_id)]

        async def wrong() -> Any:
            return self._house.heard.wrong(alerts)

        await becomes(wrong, {})

    async def _alerts(self, rule_id: str) -> list[Any]:
        """The rule's alerts of our devices."""
        mine = {one.id for one in self._beacons}.union(*(source.devices for source in self.sources))
        alerts = await self._house.alerts(self._house.doors[0], rule_id=rule_id)
        return [alert for alert in alerts if alert.device_id in mine]


def _when(alert: Any) -> int | None:
    return alert.resolved_at.ToMilliseconds() if alert.HasField("resolved_at") else None


async def becomes(look: Callable[[], Awaitable[Any]], expected: Any, within: float = PATIENCE_SECONDS) -> None:
    """Returns once it is what was expected; fails with what is different at the end."""
    found: Any = None

    async def same() -> bool:
        nonlocal found
        try:
            found = await look()
        except grpc.aio.AioRpcError:
            return False
        return found == expected

    try:
        await eventually(same, within=within, every=0.2)
    except TimeoutError:
        raise AssertionError(different(found, expected)) from None


def different(found: Any, expected: Any) -> str:
    """What is in the one and not in the other."""
    here, there = (Counter(one.items() if isinstance(one, dict) else one or ()) for one in (found, expected))
    more, missing = sorted((here - there).elements(), key=str), sorted((there - here).elements(), key=str)
    return f"{len(more)} too many, {len(missing)} missing; too many {more[:20]}, missing {missing[:20]}"
