"""What other services are told: rows of the outbox, written in the transaction of the change."""

from fieldstock.inventory.v1 import events_pb2
from inventory_svc.codec import device_to_proto, log_to_proto
from inventory_svc.models import Device, DeviceLog, Outbox

# A log says what was done to the device, a key what happened to it; one word differs.
KEYS = {"maintained": "maintenance"}


def device_changed(device: Device, log: DeviceLog) -> Outbox:
    """`inventory.device.<what happened>`: the device as it is now, and the line of its history."""
    event = events_pb2.DeviceChanged(device=device_to_proto(device), log=log_to_proto(log))
    return Outbox(key=f"inventory.device.{KEYS.get(log.action, log.action)}", body=event.SerializeToString())


def credential_changed(device: Device, secret_sha256: bytes) -> Outbox:
    """`inventory.device.credential`: auth keeps the hash; nobody keeps the secret."""
    event = events_pb2.DeviceCredentialChanged(
        device_id=device.id,
        serial_number=device.serial_number,
        secret_sha256=secret_sha256,
        version=device.version,
    )
    return Outbox(key="inventory.device.credential", body=event.SerializeToString())
