"""A device, as a program: records the numbers that it is told to, and says each when `record` has returned.

Arguments, as JSON: url, folder (its spool's), values [first, last], and maybe serial_number, secret, start (the time of
value 0), max_bytes, pace, pause (seconds between two readings), told (how often it says its memory), stay (seconds to
go on for, after the last).
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from fieldstock_device import DeviceClient, DiskSpool, Pace

# Every value has a time of its own, the same in each process.
START = 1_800_000_000


async def main(arguments: dict[str, Any]) -> None:
    first, last = arguments["values"]
    start = arguments.get("start", START)
    serial, secret = arguments.get("serial_number", "SN-1"), arguments.get("secret", "secret")
    with DiskSpool(arguments["folder"], max_bytes=arguments.get("max_bytes", 64 * 1024 * 1024)) as spool:
        pace = Pace(backoff=0.05, backoff_cap=0.2, **arguments.get("pace", {}))
        url, told = arguments["url"], arguments.get("told", 0)
        async with DeviceClient(url, serial_number=serial, secret=secret, spool=spool, pace=pace) as device:
            for value in range(first, last + 1):
                await device.record({"temperature": value}, time=start + value / 1000)
                say(value)
                if told and value % told == 0:
                    say(f"memory {resident()}")
                await asyncio.sleep(arguments.get("pause", 0))
            await asyncio.sleep(arguments.get("stay", 0))
        say(f"left {device.pending} dropped {device.counters.dropped} reconnects {device.counters.reconnects}")


def resident() -> int:
    """Bytes of memory that this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
