"""Rows to their protos."""

from datetime import date, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from fieldstock.inventory.v1 import device_pb2, device_type_pb2, settings_pb2, stock_service_pb2
from inventory_svc.models import Device, DeviceLog, DeviceSettings, DeviceType


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
        reserved_for=device.reserved_for or "",
        reserved_until=_time(device.reserved_until),
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


def type_to_proto(type: DeviceType) -> device_type_pb2.DeviceType:
    """What devices of a type have in common."""
    return device_type_pb2.DeviceType(
        type=type.type,
        metrics=[device_type_pb2.Metric(name=metric["name"], unit=metric["unit"]) for metric in type.metrics],
        silence_seconds=type.silence_seconds,
        retention_days=type.retention_days,
        compatible_types=type.compatible_types,
        version=type.version,
        updated_at=_time(type.updated_at),
    )


def settings_to_proto(settings: DeviceSettings) -> settings_pb2.DeviceSettings:
    """What a device shall be set to, and what it says it is."""
    message = settings_pb2.DeviceSettings(
        device_id=settings.device_id,
        version=settings.version,
        reported_version=settings.reported_version,
        updated_at=_time(settings.updated_at),
        reported_at=_time(settings.reported_at),
    )
    message.desired.SetInParent()
    message.desired.update(settings.desired)
    return message


def level_to_proto(level: Any) -> stock_service_pb2.StockLevel:
    """A row of counts."""
    return stock_service_pb2.StockLevel(
        type=level.type,
        location=level.location,
        in_stock=level.in_stock,
        reserved=level.reserved,
        deployed=level.deployed,
        maintenance=level.maintenance,
        minimum=level.minimum,
        low=level.in_stock < level.minimum,
    )


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def _time(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp
