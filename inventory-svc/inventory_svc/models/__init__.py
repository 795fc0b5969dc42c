"""The tables, and the rules that they keep whoever asks: above all, a device's lifecycle."""

from inventory_svc.models.base import Base, Outbox, lowered
from inventory_svc.models.device import LIFECYCLE, Change, Device, Status
from inventory_svc.models.device_settings import DeviceSettings
from inventory_svc.models.device_type import DeviceType
from inventory_svc.models.log import DeviceLog, User
from inventory_svc.models.stock import COUNTED, CROSSED, EMPTY, StockChange, StockLevel

__all__ = [
    "COUNTED",
    "CROSSED",
    "EMPTY",
    "LIFECYCLE",
    "Base",
    "Change",
    "Device",
    "DeviceLog",
    "DeviceSettings",
    "DeviceType",
    "Outbox",
    "Status",
    "StockChange",
    "StockLevel",
    "User",
    "lowered",
]
