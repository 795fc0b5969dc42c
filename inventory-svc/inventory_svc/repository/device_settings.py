"""Settings of devices, and the word to those who watch them."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inventory_svc import events
from inventory_svc.errors import DeviceNotFound
from inventory_svc.models import Device, DeviceSettings

# Of PostgreSQL's notices, which come to every replica as the transaction is committed.
CHANNEL = "device_settings"


async def tell_watches(session: AsyncSession, device_id: int, stream: str = "") -> None:
    """Tells all replicas, when the transaction is committed, to look at a device again; `stream` is its newest one."""
    await session.execute(
        text("SELECT pg_notify(:channel, :word)"), {"channel": CHANNEL, "word": f"{device_id} {stream}"}
    )


class DeviceSettingsRepository:
    """Settings, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, device_id: int) -> tuple[Device, DeviceSettings]:
        """A device and its settings. Raises DeviceNotFound."""
        device = await self._session.get(Device, device_id)
        if device is None:
            raise DeviceNotFound(device_id=device_id)
        settings = await self._session.get(DeviceSettings, device_id)
        return device, settings or DeviceSettings.none_yet(device_id)

    async def lock(self, device_id: int) -> tuple[Device, DeviceSettings]:
        """A device and its settings, which nobody else changes until the transaction ends. Raises DeviceNotFound."""
        device = await self._session.get(Device, device_id, with_for_update=True)
        if device is None:
            raise DeviceNotFound(device_id=device_id)
        settings = await self._session.get(DeviceSettings, device_id)
        if settings is None:
            settings = DeviceSettings.none_yet(device_id)
            self._session.add(settings)
        return device, settings

    async def record(self, settings: DeviceSettings) -> None:
        """Writes the event of a change, beside the change itself, and tells those who watch."""
        self._session.add(events.settings_changed(settings))
        await tell_watches(self._session, settings.device_id)

    async def announce(self, device_id: int, stream: str) -> None:
        """Tells all replicas of a device's newest stream."""
        await tell_watches(self._session, device_id, stream)
