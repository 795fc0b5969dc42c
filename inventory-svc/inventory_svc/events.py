"""What other services are told: rows of the outbox, written in the transaction of the change."""

from fieldstock.inventory.v1 import events_pb2
from inventory_svc.codec import device_to_proto, log_to_proto, settings_to_proto, type_to_proto
from inventory_svc.models import Device, DeviceLog, DeviceSettings, DeviceType, Outbox, StockLevel

TYPE_UPDATED, STOCK_LOW = "inventory.type.updated", "inventory.stock.low"

# Told to whoever wants to hear; a service that has no queue for them yet reads types and stock as it starts.
INFORMATIVE = frozenset({TYPE_UPDATED, STOCK_LOW})

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


def settings_changed(settings: DeviceSettings) -> Outbox:
    """`inventory.device.settings`: what the device shall be set to, and what it says it is."""
    event = events_pb2.DeviceSettingsChanged(settings=settings_to_proto(settings))
    return Outbox(key="inventory.device.settings", body=event.SerializeToString())


def type_changed(type: DeviceType) -> Outbox:
    """`inventory.type.updated`: the type as it is."""
    event = events_pb2.DeviceTypeChanged(type=type_to_proto(type))
    return Outbox(key=TYPE_UPDATED, body=event.SerializeToString())


def stock_low(level: StockLevel) -> Outbox:
    """`inventory.stock.low`: fewer are in stock than the minimum."""
    event = events_pb2.StockLow(
        type=level.type, location=level.location, in_stock=level.in_stock, minimum=level.minimum
    )
    return Outbox(key=STOCK_LOW, body=event.SerializeToString())
