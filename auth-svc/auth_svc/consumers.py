"""What inventory tells of devices, taken over into their principals."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from auth_svc.models import CredentialNews, DeviceNews
from auth_svc.principals import DevicePrincipals
from fieldstock.inventory.v1 import events_pb2
from servicekit.event import Event

QUEUE = "auth.inventory"
KEYS = ["inventory.device.*"]

CREDENTIAL = "inventory.device.credential"
# Say nothing of a device's status or serial number.
OF_NO_CONCERN = frozenset({"inventory.device.settings"})
SHA256_BYTES = 32


class InventoryEvents:
    """Handles inventory's events, whichever order they come in and however often."""

    def __init__(self, principals: DevicePrincipals) -> None:
        self._principals = principals

    async def __call__(self, events: Sequence[Event]) -> None:
        """Raises DecodeError for a body that is not what its key promises; then nothing is taken in."""
        devices: list[DeviceNews] = []
        credentials: list[CredentialNews] = []
        for event in events:
            if event.key == CREDENTIAL:
                credentials.append(_credential(events_pb2.DeviceCredentialChanged.FromString(event.body)))
            elif event.key not in OF_NO_CONCERN:
                devices.append(_device(events_pb2.DeviceChanged.FromString(event.body)))
        await self._principals.take(devices, credentials)


def _device(changed: events_pb2.DeviceChanged) -> DeviceNews:
    device = changed.device
    if device.id <= 0 or device.version <= 0 or not device.status:
        raise DecodeError("no device in it")
    return DeviceNews(device.id, device.serial_number, device.status, device.version)


def _credential(changed: events_pb2.DeviceCredentialChanged) -> CredentialNews:
    if changed.device_id <= 0 or changed.version <= 0 or len(changed.secret_sha256) != SHA256_BYTES:
        raise DecodeError("no credential in it")
    return CredentialNews(changed.device_id, changed.serial_number, changed.secret_sha256, changed.version)
