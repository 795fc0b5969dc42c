"""Reading back many devices: by device, and newest first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from telemetry_svc.columns.frame import Ids, partition_of
from telemetry_svc.columns.rows import Rows
from telemetry_svc.history.queries import Reading, Readings, Span

# What one page may cost: bytes of the journal that are looked at, and devices. What is not found then is on the next.
MOST_BYTES, MOST_DEVICES = 10_000_000, 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """Readings, and where to go on: with what this device measured before that time; None: there is nothing more."""

    readings: list[Reading]
    rest: tuple[int, int] | None


class Listing:
    """Looks at one device first, then at twice as many each time: a page of few devices costs little, and what many
    share is read once for all of them."""

    def __init__(self, readings: Readings, most_bytes: int = MOST_BYTES, most_devices: int = MOST_DEVICES) -> None:
        self._readings = readings
        self._most_bytes = most_bytes
        self._most_devices = most_devices

    async def page(self, devices: Ids, span: Span, size: int, first_end_ms: int) -> Found:
        """At most `size` readings of these devices (ascending), of the first one only what is before `first_end_ms`.

        When a page costs too much it ends early, a step forward at least: it may be short, or empty.
        """
        found: list[Reading] = []
        looked_at, start, count = 0, 0, 1
        while start < len(devices):
            if start and (looked_at >= self._most_bytes or start >= self._most_devices):
                return Found(found, (int(devices[start]), span.end_ms))
            chunk = devices[start : start + count].tolist()
            waiting, read = await self._waiting(chunk, span)
            looked_at += read
            for device_id in chunk:
                end_ms = min(span.end_ms, first_end_ms) if device_id == devices[0] else span.end_ms
                part = replace(span, end_ms=end_ms)
                found += await self._readings.page(device_id, part, size + 1 - len(found), waiting.get(device_id, ()))
                if len(found) > size:
                    last = found[size - 1]
                    return Found(found[:size], (last.device_id, last.time_ms))
            # As many again as what is left of the budget can pay for, at the price so far.
            start += len(chunk)
            count = max(1, min(2 * count, (self._most_bytes - looked_at) // max(1, read // len(chunk))))
        return Found(found, None)

    async def _waiting(self, devices: Sequence[int], span: Span) -> tuple[dict[int, list[Rows]], int]:
        by_partition: dict[int, list[int]] = {}
        for device_id in devices:
            by_partition.setdefault(partition_of(device_id), []).append(device_id)
        found: dict[int, list[Rows]] = {}
        looked_at = 0
        for partition, mine in by_partition.items():
            pieces, size = await self._readings.waiting(partition, mine, span)
            looked_at += size
            for device_id in mine:
                found[device_id] = [own for piece in pieces if (own := span.of(piece, [device_id])) is not None]
        return found, looked_at
