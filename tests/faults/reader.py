"""Whoever reads, all the while: what was acknowledged when it asked is in the answer, and nothing is there twice."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np

from tests.faults.house import House
from tests.faults.measured import STEP_MS, Course
from tests.faults.source import Source

PAGE = 500
PAUSE_SECONDS = 0.05


class Reader:
    """`faults`: in words, what was wrong with an answer; `answers`: how many there were."""

    def __init__(self, house: House, sources: Sequence[Source]) -> None:
        self._house = house
        self._sources = sources
        self.faults: list[str] = []
        self.answers = 0

    async def run(self) -> None:
        """Reads until it is cancelled: now the newest of a device, now what is somewhere before."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            source = random.choice(self._sources)
            device_id, course = random.choice(list(source.devices.items()))
            acknowledged = source.committed * source.rows
            span = {"end_time": None} if random.random() < 0.5 else self._somewhere(course, acknowledged)
            try:
                page = await self._house.page(random.choice(self._house.doors), device_id, page_size=PAGE, **span)
            except grpc.aio.AioRpcError:
                continue
            self.answers += 1
            self.check(device_id, course, page, acknowledged, span["end_time"])

    def _somewhere(self, course: Course, rows: int) -> dict[str, Any]:
        last = random.randint(0, rows)
        return {"end_time": {"seconds": (course.start_ms + last * STEP_MS) // 1000}}

    def check(self, device_id: int, course: Course, page: Any, acknowledged: int, end: Any) -> None:
        """Looks at a page of the newest readings before `end`; those before the last of them are on the next one."""
        times = [one.time.ToMilliseconds() for one in page.readings]
        promised = course.times(0, acknowledged)
        if end:
            promised = promised[promised < end["seconds"] * 1000]
        if page.next_page_token:
            promised = promised[promised >= min(times)]
        missing = np.setdiff1d(promised, times)
        if len(missing):
            self.faults.append(f"device {device_id}: {len(missing)} acknowledged are missing, first {missing[0]}")
        if len(set(times)) < len(times):
            self.faults.append(f"device {device_id}: {len(times) - len(set(times))} come twice")
        if times != sorted(times, reverse=True):
            self.faults.append(f"device {device_id}: not the newest first")
