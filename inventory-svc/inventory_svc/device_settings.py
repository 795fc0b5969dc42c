"""Settings of devices: desired by operators, watched, taken and reported by devices."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any

from inventory_svc.errors import DeviceRetired
from inventory_svc.models import DeviceSettings, Status
from inventory_svc.repository.device_settings import DeviceSettingsRepository
from inventory_svc.watches import Watches
from servicekit.access import Caller
from servicekit.database import Database
from servicekit.errors import InvalidField, StaleVersion, Unauthenticated

# When PostgreSQL comes back every watch looks again: not all at once, or requests would find no connection.
READS_AT_ONCE = 4


class SettingsOfDevices:
    """What each device shall be set to, and what it says it is."""

    def __init__(self, database: Database, watches: Watches, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._watches = watches
        self._clock = clock
        self._reads = asyncio.Semaphore(READS_AT_ONCE)

    async def get(self, device_id: int) -> DeviceSettings:
        """Raises DeviceNotFound."""
        async with self._database.single() as session:
            return (await DeviceSettingsRepository(session).get(device_id))[1]

    async def update(self, device_id: int, desired: dict[str, Any], *, version: int | None = None) -> DeviceSettings:
        """Replaces what a device shall be set to. Raises DeviceNotFound, DeviceRetired, StaleVersion."""
        async with self._database.transaction() as session:
            repository = DeviceSettingsRepository(session)
            device, settings = await repository.lock(device_id)
            if device.status == Status.RETIRED:
                raise DeviceRetired(device_id=device_id)
            if version is not None and settings.version != version:
                raise StaleVersion(version=version, current=settings.version)
            settings.desire(desired, self._clock())
            await repository.record(settings)
        return settings

    async def report(self, device_id: int, version: int) -> DeviceSettings:
        """The device took a version; an older one than before changes nothing.

        Raises DeviceNotFound, InvalidField for a version that never was.
        """
        async with self._database.transaction() as session:
            repository = DeviceSettingsRepository(session)
            _, settings = await repository.lock(device_id)
            if not 1 <= version <= settings.version:
                raise InvalidField("version", f"must be a version that was, 1 to {settings.version}")
            if settings.report(version, self._clock()):
                await repository.record(settings)
        return settings

    async def watch(self, device: Caller) -> AsyncGenerator[DeviceSettings, None]:
        """A device's settings as they are, and again when another version is desired.

        Raises DeviceNotFound, DeviceRetired, StreamReplaced, TooManyStreams, GoingDown, DatabaseUnavailable, and
        Unauthenticated when the caller's token expires.
        """
        with self._watches.open(device.id) as watch:
            await self._watches.may_announce(watch)
            async with self._database.transaction() as session:
                await DeviceSettingsRepository(session).announce(device.id, watch.id)
            shown: int | None = None
            while True:
                settings = await self._look(device.id)
                if settings.version != shown:
                    yield settings
                    shown = settings.version
                left = device.expires_at - self._clock().timestamp()
                if not await watch.stirred(within=left):
                    raise Unauthenticated(why="The token has expired")

    async def _look(self, device_id: int) -> DeviceSettings:
        async with self._reads, self._database.single() as session:
            device, settings = await DeviceSettingsRepository(session).get(device_id)
        if device.status == Status.RETIRED:
            raise DeviceRetired(device_id=device_id)
        return settings
