"""A device that dies, of a service that is away: what it had taken is on the disk, and comes to us in the end."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "device-sdk" / "tests" / "device_process.py"


async def recorded(device, count):
    """The last number that the device says it has recorded, once they are so many."""
    for _ in range(count):
        number = int(await device.stdout.readline())
    return number


async def test_a_device_that_is_killed_while_telemetry_is_away_loses_no_reading(stack, admin, tmp_path):
    made, credential = await admin.new_device()
    await admin("PUT", f"/devices/{made['id']}/deploy", {"location": "Factory A"})
    told = {
        "url": stack.base_url, "folder": str(tmp_path), "start": time.time() - 600, **credential,
        "pace": {"refused_cap": 0.2, "batch_rows": 5, "flush": 60}, "pause": 0.005,
    }  # fmt: skip

    async def start(first, last):
        arguments = json.dumps({**told, "values": [first, last]})
        return await asyncio.create_subprocess_exec(sys.executable, PROGRAM, arguments, stdout=asyncio.subprocess.PIPE)

    first = await start(1, 100_000)
    try:
        await recorded(first, 100)
        stack.stop("telemetry")
        await recorded(first, 300)
    finally:
        first.send_signal(signal.SIGKILL)
        said, _ = await first.communicate()
        stack.start("telemetry")
    last = int(said.split(b"\n")[-2]) if b"\n" in said else 400

    # The one that it may have taken without having said so yet, it takes again: the same reading, stored once.
    second = await start(last + 1, last + 10)
    try:
        words, _ = await asyncio.wait_for(second.communicate(), 60)
    finally:
        if second.returncode is None:
            second.kill()
    assert words.decode().splitlines()[-1].startswith("left 0 dropped 0")

    values, token = [], ""
    while True:
        query = {"page_size": 500, "page_token": token, "start_time": "2026-01-01T00:00:00Z"}
        page = await admin("GET", f"/monitoring/data/{made['id']}", params=query)
        values += [reading["metrics"]["temperature"] for reading in page["readings"]]
        if not (token := page["next_page_token"]):
            break
    assert values == list(range(last + 10, 0, -1))
