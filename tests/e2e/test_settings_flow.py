"""What an operator wants a device to be set to, through Envoy, to the device and back."""

import asyncio
import time

from fieldstock_device import DeviceClient
from servicekit.testing import eventually


async def test_a_connected_device_hears_of_its_settings_within_two_seconds_and_says_that_it_took_them(
    admin, stack, ready
):
    heard: asyncio.Queue = asyncio.Queue()
    path = f"/devices/{ready.id}/settings"
    await admin("PUT", path, {"desired": {"interval_seconds": 1}})
    async with DeviceClient(stack.base_url, **ready._credential, on_settings=heard.put) as client:
        assert await asyncio.wait_for(heard.get(), 10) == {"interval_seconds": 1}

        desired = {"interval_seconds": 5, "limits": {"temperature": [10.5, 80]}, "mode": "night"}
        before = time.monotonic()
        wanted = await admin("PUT", path, {"desired": desired})
        assert await asyncio.wait_for(heard.get(), 10) == desired
        assert time.monotonic() - before < 2
        assert wanted["version"] == 2

        async def reported():
            settings = await admin("GET", path)
            return settings if settings["reported_version"] == 2 else None

        shown = await eventually(reported)
        assert (shown["desired"], shown["version"]) == (desired, 2)
        assert shown["reported_at"]
        assert client.settings_version == 2
