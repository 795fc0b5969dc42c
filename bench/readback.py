"""Reading back while readings come in."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import cycle
from time import perf_counter
from typing import Any

import httpx
import numpy as np

from bench.fleet import RECEIVER, fielded, sign_in, site_gateway
from bench.load import send, senders
from bench.machine import quiet
from bench.pace import Pace
from bench.shapes import GATEWAY100, STARTS_MS_AGO
from bench.walks import MINUTE_MS, Walks
from fieldstock_dev.stack import Stack

# Devices with a past of one reading a minute, and how many are asked about at once.
WITH_A_PAST, DAYS, AT_ONCE = 40, 30, 2
DAY_MS, HOUR_SECONDS, NO_END = 86_400_000, 3_600, 300.0
# Each of the 100,000 devices once in two seconds: a fleet of millions that speak once a minute.
READINGS_PER_SECOND = 50_000

Ask = Callable[[httpx.AsyncClient, int], Awaitable[int]]


async def device(stack: Stack, pace: Pace) -> dict[str, float]:
    """`GET /monitoring/data/{device_id}` through Envoy: all pages of a day of one device, and a month of it by hours.

    Raises RuntimeError when an answer lacks readings.
    """
    await quiet()
    ids = await fielded(stack, GATEWAY100.fleet)
    token = await site_gateway(stack)
    now_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS
    days = max(2, round(DAYS * pace.size))
    # Of those that no other load sends much of.
    past = Walks(ids[-WITH_A_PAST:], now_ms - days * DAY_MS, days * 24 * 60)
    await send([stack.target(RECEIVER)], token, [past.batches()], seconds=NO_END)
    streams = senders(GATEWAY100, ids, int(time.time() * 1000) - STARTS_MS_AGO // 8)

    async def day(http: httpx.AsyncClient, device_id: int) -> int:
        span = _span(now_ms - DAY_MS, now_ms)
        return await _pages(http, device_id, "readings", {**span, "page_size": 500})

    async def month(http: httpx.AsyncClient, device_id: int) -> int:
        span = _span(now_ms - days * DAY_MS, now_ms)
        return await _pages(http, device_id, "buckets", {**span, "page_size": 500, "step": HOUR_SECONDS})

    figures: dict[str, float] = {}
    for name, ask, least in (("device_day", day, 24 * 60), ("device_month_step", month, days * 24)):
        load = asyncio.create_task(
            send(
                [stack.target(RECEIVER)],
                token,
                streams,
                seconds=pace.seconds,
                per_second=READINGS_PER_SECOND / GATEWAY100.rows,
            )
        )
        try:
            milliseconds = await _asked(stack, past.ids, ask, least, pace.seconds)
            await load
        finally:
            load.cancel()
        for percent in (50, 99):
            figures[f"history.{name}_p{percent}_ms"] = float(np.percentile(milliseconds, percent))
    return figures


async def _asked(stack: Stack, ids: range, ask: Ask, least: int, seconds: float) -> list[float]:
    """How long each took that was asked within so many seconds."""
    milliseconds: list[float] = []
    devices, began = cycle(ids), perf_counter()
    async with httpx.AsyncClient(base_url=stack.base_url, headers=await sign_in(stack), timeout=60) as http:

        async def one() -> None:
            while perf_counter() - began < seconds:
                asked = perf_counter()
                found = await ask(http, next(devices))
                milliseconds.append(1000 * (perf_counter() - asked))
                if found < least:
                    raise RuntimeError(f"{found} came back of at least {least}")

        await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return milliseconds


async def _pages(http: httpx.AsyncClient, device_id: int, what: str, params: dict[str, Any]) -> int:
    found, token = 0, ""
    while True:
        answer = await http.get(f"/monitoring/data/{device_id}", params={**params, "page_token": token})
        if not answer.is_success:
            raise RuntimeError(answer.text)
        page = answer.json()
        found += len(page[what])
        token = page["next_page_token"]
        if not token:
            return found


def _span(start_ms: int, end_ms: int) -> dict[str, str]:
    return {"start_time": _moment(start_ms), "end_time": _moment(end_ms)}


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
