"""`python -m telemetry_svc` serves; `python -m telemetry_svc migrate` makes the collections and their indexes."""

import os

from servicekit import process
from servicekit.logs import logger
from telemetry_svc.app import NAME, migrate, running
from telemetry_svc.settings import Settings


async def _serve(settings: Settings) -> None:
    if settings.receiver:
        _take_turns()
    await process.until_asked(running(settings))


def _take_turns() -> None:
    """A thread of ours that wakes up does not interrupt the one that runs. gRPC's hands over each message that came:
    where cores are short, those of a whole turn come together."""
    if not hasattr(os, "SCHED_BATCH"):
        return  # only Linux has it
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except PermissionError as error:  # a container may not be let
        logger.warning("turns_not_taken", error=str(error))


if __name__ == "__main__":
    process.main(NAME, __doc__, serve=(Settings, _serve), migrate=(Settings, migrate))
