"""Readings into telemetry-svc: authenticated, checked, judged by the rules, acknowledged from a majority's disks."""

import time

from bench.fleet import deploy, sign_in
from bench.load import Shape, send
from fieldstock_dev.stack import Stack

FLEET, STREAMS, SECONDS, WARM_UP_SECONDS = 1_000, 10, 10.0, 2.0
# Device time runs faster than the clock under load: it begins far enough in the past.
START_MS_AGO = 12 * 3600 * 1000


async def batch100(stack: Stack) -> dict[str, float]:
    """100 readings of one device with 3 metrics a message, 1,000 devices, 10 streams, past Envoy."""
    headers = await sign_in(stack)
    ids = sorted(await deploy(stack, headers, FLEET))
    token = headers["authorization"].removeprefix("Bearer ")
    shape = Shape(streams=STREAMS, ids=ids, rows=100, devices=1)
    start_ms = int(time.time() * 1000) - START_MS_AGO
    await send(stack.target("telemetry"), token, shape, start_ms=start_ms, seconds=WARM_UP_SECONDS)
    outcome = await send(
        stack.target("telemetry"), token, shape, start_ms=start_ms + START_MS_AGO // 2, seconds=SECONDS
    )
    if outcome.rejected:
        raise RuntimeError(f"{outcome.rejected} readings were refused")
    return {"ingest.batch100.readings_per_s": outcome.rows / outcome.seconds}
