"""From a change in inventory to a consumer of its event."""

import asyncio
from time import perf_counter
from typing import Any

import grpc
import numpy as np

from bench.fleet import deploy, sign_in
from bench.machine import no_pauses, quiet
from bench.pace import Pace
from fieldstock.inventory.v1 import device_service_pb2 as pb
from fieldstock.inventory.v1 import device_service_pb2_grpc, events_pb2
from fieldstock_dev.stack import Stack
from servicekit.broker import Broker
from servicekit.event import Event
from servicekit.testing import eventually

CHANGES_PER_SECOND, DEVICES = 200, 200
# Of the load that come first and are not measured: statements get prepared, connections opened, code warm.
FIRST_SECONDS = 2
LAST_SECONDS = 10


async def change_to_consumer(stack: Stack, pace: Pace) -> dict[str, float]:
    """200 changes a second; from sending the request of one until a consumer has its event."""
    headers = await sign_in(stack)
    ids = await deploy(stack, headers, DEVICES)
    # The services still hear of what was made just now.
    await quiet()
    heard: dict[tuple[int, int], float] = {}

    async def hear(event: Event) -> None:
        device = events_pb2.DeviceChanged.FromString(event.body).device
        heard[device.id, device.version] = perf_counter()

    metadata = (("authorization", headers["authorization"]),)
    async with Broker(stack.amqp_url, "bench") as broker:
        listening = asyncio.Event()

        async def listen() -> None:
            listening.set()

        broker.subscribe(["inventory.device.recalled", "inventory.device.deployed"], hear, on_connect=listen)
        await listening.wait()
        async with grpc.aio.insecure_channel(stack.target("inventory")) as channel:
            stub: Any = device_service_pb2_grpc.DeviceServiceStub(channel)

            async def change(number: int) -> tuple[tuple[int, int], float]:
                began, id = perf_counter(), ids[number % DEVICES]
                if number // DEVICES % 2:
                    device = await stub.DeployDevice(
                        pb.DeployDeviceRequest(id=id, location="Hall 2"), metadata=metadata
                    )
                else:
                    device = await stub.RecallDevice(pb.RecallDeviceRequest(id=id, location="Stock"), metadata=metadata)
                return (device.id, device.version), began

            async def all_heard() -> bool:
                return len(heard) >= len(changes)

            changes: list[asyncio.Task[tuple[tuple[int, int], float]]] = []
            with no_pauses():
                first = perf_counter()
                for number in range(round(CHANGES_PER_SECOND * (FIRST_SECONDS + pace.seconds / 2))):
                    await asyncio.sleep(first + number / CHANGES_PER_SECOND - perf_counter())
                    changes.append(asyncio.create_task(change(number)))
                done = await asyncio.gather(*changes)
                await eventually(all_heard, within=LAST_SECONDS, every=0.05)
    measured = done[CHANGES_PER_SECOND * FIRST_SECONDS :]
    milliseconds = [1000 * (heard[key] - began) for key, began in measured]
    return {
        "events.change_to_consumer_p50_ms": float(np.percentile(milliseconds, 50)),
        "events.change_to_consumer_p99_ms": float(np.percentile(milliseconds, 99)),
    }
