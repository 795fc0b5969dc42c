"""`python -m telemetry_svc` serves; `python -m telemetry_svc migrate` makes the collections and their indexes."""

import os

from servicekit import process
from telemetry_svc.app import NAME, migrate, running
from telemetry_svc.settings import Settings


async def _serve(settings: Settings) -> None:
    if settings.receiver and hasattr(os, "SCHED_BATCH"):
        # gRPC's thread hands each message to ours. With full cores it need not interrupt us for that: what came while
        # we had our turn is handed over together.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    await process.until_asked(running(settings))


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve), migrate=(Settings, migrate))
