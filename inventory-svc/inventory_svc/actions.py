"""One action for many devices: each in a transaction of its own, so that some may fail and others not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from inventory_svc.models import Device
from servicekit.errors import Internal, ServiceError
from servicekit.logs import logger

# More would take connections from those who ask for one device.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one device: it is `device` now, or the action failed."""

    id: int
    device: Device | None = None
    error: ServiceError | None = None


async def on_each(ids: Sequence[int], action: Callable[[int], Awaitable[Device]]) -> list[Result]:
    """Does an action to each device once, and answers in the order of their ids."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def on_one(id: int) -> Result:
        async with slots:
            try:
                return Result(id, device=await action(id))
            except ServiceError as error:
                return Result(id, error=error)
            except Exception:  # noqa: BLE001 - a bug with one device; the others' results must be told
                logger.exception("action_failed", device_id=id)
                return Result(id, error=Internal(request_id="?"))

    return await asyncio.gather(*(on_one(id) for id in sorted(set(ids))))
