"""One reading at a time, answered when it is stored."""

import asyncio
from collections.abc import Sequence

from fieldstock.telemetry.v1 import reading_pb2
from servicekit.errors import ServiceError
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import MAY_SEND, Fleet, Status
from telemetry_svc.errors import DeviceNotDeployed, NotStorable, TimeInFuture, TimeTooOld, TooManyMetrics, UnknownDevice
from telemetry_svc.ingest.groups import Groups
from telemetry_svc.ingest.intake import Refusal
from telemetry_svc.ingest.wire import Batch, batch_of


class One:
    """A Member with a single batch, which may speak for any device. `outcome`: what of it was refused."""

    own_device = 0

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Sequence[Refusal]] = asyncio.get_running_loop().create_future()

    def committed(self, sequence: int, rows: int, refusals: Sequence[Refusal]) -> None:
        """See Member."""
        if not self.outcome.done():
            self.outcome.set_result(refusals)

    def failed(self, error: ServiceError) -> None:
        """See Member."""
        if not self.outcome.done():
            self.outcome.set_exception(error)


def _one_row(device_id: int, time_ms: int, metrics: dict[str, float]) -> Batch:
    series = [reading_pb2.Series(metric=metric, values=[value]) for metric, value in metrics.items()]
    message = reading_pb2.ReadingBatch(sequence=1, device_id=[device_id], time_ms=[time_ms], series=series)
    return batch_of(message)


class Singles:
    """Readings outside of a stream: they go the way of all others, in the next group."""

    def __init__(self, groups: Groups, fleet: Fleet, clock: Clock) -> None:
        self._groups = groups
        self._fleet = fleet
        self._clock = clock

    async def store(self, device_id: int, time_ms: int | None, metrics: dict[str, float]) -> int:
        """Stores a reading, `time_ms` None: of now; gives its time.

        Raises UnknownDevice, DeviceNotDeployed, TimeInFuture, TimeTooOld, TooManyMetrics, NotStorable,
        IngestUnavailable.
        """
        self._groups.check()
        status = self._fleet.status_of(device_id)
        self._check(device_id, status)
        if time_ms == 0:  # which would mean the server's, on its way
            raise TimeTooOld(message="Time 0 is no time of a reading")
        if time_ms is None:
            now_ms = self._clock()
            time_ms = self._fleet.stamp_one(device_id, now_ms, now_ms + self._groups.limits.ahead_ms)
        one = One()
        await self._groups.add(_one_row(device_id, time_ms, metrics), one)
        for refusal in await one.outcome:
            self._raise(device_id, refusal)
        return time_ms

    def _check(self, device_id: int, status: Status) -> None:
        if status is Status.UNKNOWN:
            raise UnknownDevice(device_id=device_id)
        if not MAY_SEND[status]:
            raise DeviceNotDeployed(device_id=device_id, status=status.name.lower())

    def _raise(self, device_id: int, refusal: Refusal) -> None:
        for error in (TimeInFuture, TimeTooOld, TooManyMetrics, NotStorable):
            if error.reason == refusal.reason:
                raise error(message=refusal.message)
        # It changed while the reading was on its way.
        self._check(device_id, self._fleet.status_of(device_id))
        raise AssertionError(refusal)
