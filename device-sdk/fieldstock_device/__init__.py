"""The client that runs on a device."""

from fieldstock_device.client import DeviceClient, State
from fieldstock_device.columns import InvalidReading
from fieldstock_device.counters import Counters
from fieldstock_device.disk_spool import DiskSpool, SpoolInUse
from fieldstock_device.pace import Pace
from fieldstock_device.spool import ForeignSpool, MemorySpool, Spool

__all__ = [
    "Counters",
    "DeviceClient",
    "DiskSpool",
    "ForeignSpool",
    "InvalidReading",
    "MemorySpool",
    "Pace",
    "Spool",
    "SpoolInUse",
    "State",
]
