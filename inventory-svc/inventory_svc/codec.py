"""Rows to their protos."""

from datetime import date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from fieldstock.inventory.v1 import device_pb2
from inventory_svc.models import Device, DeviceLog


def device_to_proto(device: Device) -> device_pb2.Device:
    """The resource as REST, gRPC and events show it."""
    message = device_pb2.Device(
        id=device.id,
        name=device.name,
        type=device.type,
        serial_number=device.serial_number,
        status=device.status,
        location=device.location,
        purchase_date=_day(device.purchase_date),
        deploy_date=_day(device.deploy_date),
        last_maintenance=_day(device.last_maintenance),
        version=device.version,
        created_at=_time(device.created_at),
        updated_at=_time(device.updated_at),
    )
    message.specs.SetInParent()  # so that no specs are shown as {}, and not left out
    message.specs.update(device.specs)
    return message


def log_to_proto(log: DeviceLog) -> device_pb2.DeviceLog:
    """One line of history; its performer must be loaded."""
    return device_pb2.DeviceLog(
        id=log.id,
        device_id=log.device_id,
        action=log.action,
        old_status=log.old_status or "",
        new_status=log.new_status,
        performed_by=log.performed_by,
        performed_by_name=log.performer.username if log.performer else "",
        notes=log.notes,
        created_at=_time(log.created_at),
    )


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def _time(value: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp
