"""`python -m telemetry_svc`, as a supervisor runs it."""

import asyncio
import signal
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import aio_pika
import grpc
import pytest

from fieldstock.auth.v1 import key_service_pb2, key_service_pb2_grpc
from servicekit.access import Kind
from servicekit.server import serve
from servicekit.testing import Issuer, broker_user, channel_to, command, eventually, log_line
from telemetry_svc.clock import system
from telemetry_svc.columns.frame import PARTITIONS
from telemetry_svc.ingest.queue import QUEUE
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store

Make = Callable[..., Any]
DEVICES, ROWS, BATCHES_A_STREAM = 10, 40, 3


class Keys(key_service_pb2_grpc.KeyServiceServicer):
    """Publishes the issuer's key, in the place of auth-svc."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def GetKeySet(self, request: Any, context: Any) -> key_service_pb2.KeySet:
        key: Any = await self._issuer.keys(self._issuer.kid)
        x = urlsafe_b64encode(key.public_bytes_raw()).decode().rstrip("=")
        return key_service_pb2.KeySet(
            keys=[key_service_pb2.Key(kty="OKP", crv="Ed25519", x=x, kid=self._issuer.kid, alg="EdDSA", use="sig")]
        )


@pytest.fixture
async def variables(settings: Settings, store: Store, issuer: Issuer) -> AsyncIterator[dict[str, str]]:
    registration = (key_service_pb2_grpc.add_KeyServiceServicer_to_server, Keys(issuer))
    async with serve("127.0.0.1:0", [registration], issuer.verifier()) as auth:
        yield {
            "AMQP_URL": settings.amqp_url,
            "MONGODB_URI": settings.mongodb_uri,
            "MONGODB_DATABASE": settings.mongodb_database,
            "AUTH_TARGET": f"127.0.0.1:{auth.port}",
        }


class Spool:
    """What a device has to send, and what it knows to be stored; it sends until somebody says that it is enough."""

    def __init__(self, device_id: int) -> None:
        self.device_id = device_id
        self.start_ms = system() - 3_600_000
        self.made = 0
        self.committed = 0

    def times(self, sequence: int) -> list[int]:
        first = self.start_ms + (sequence - 1) * ROWS
        return list(range(first, first + ROWS))

    async def send(self, client: Any, batch: Make) -> None:
        """One stream: what is not known to be stored yet, and a little more."""
        self.made = max(self.made, self.committed + BATCHES_A_STREAM)
        stream = client.stream()
        try:
            await stream.send(
                *(
                    batch(sequence, self.times(sequence), source_id="spool", temperature=[90.0] * ROWS)
                    for sequence in range(self.committed + 1, self.made + 1)
                )
            )
            summary = await stream.finish()
        except (asyncio.InvalidStateError, grpc.aio.InternalError):
            return  # grpc's words for a stream that ended while it was written to
        except grpc.aio.AioRpcError as error:
            metadata = dict(error.trailing_metadata() or ())
            if "stream-summary-bin" not in metadata:
                return
            summary = stream.summary(metadata)
        self.committed = max(self.committed, summary.committed_sequence)

    async def send_until_dead(self, client: Any, batch: Make, process: asyncio.subprocess.Process) -> None:
        """One stream after the other."""
        while process.returncode is None:
            await self.send(client, batch)

    async def stored(self, client: Any) -> list[int]:
        """Sequences of all that is read back, oldest first; each reading of a batch once."""
        found: list[int] = []
        token = ""
        while True:
            page = await client.page(self.device_id, page_size=500, page_token=token)
            found += [one.time.ToMilliseconds() for one in page.readings]
            token = page.next_page_token
            if not token:
                return found


async def test_what_was_acknowledged_outlives_kill_9_and_is_there_once(
    variables: dict[str, str], inventory: Any, issuer: Issuer, client: Make, batch: Make, store: Store
) -> None:
    spools = [Spool(device_id) for device_id in range(1, DEVICES + 1)]
    for spool in spools:
        await inventory.tell(spool.device_id, "deployed", wait=False)

    async def all_stored() -> bool:
        return await store.devices.count_documents({}) == DEVICES

    for _ in range(3):
        async with command("telemetry_svc", **variables) as process:
            port = (await log_line(process, "serving"))["port"]
            await eventually(all_stored)
            async with channel_to(port) as channel:
                before = [spool.committed for spool in spools]
                senders = [
                    spool.send_until_dead(
                        client(channel, issuer.metadata(Kind.DEVICE, spool.device_id)), batch, process
                    )
                    for spool in spools
                ]
                sending = asyncio.gather(*senders)

                async def under_load(before: list[int] = before) -> bool:
                    return all(spool.committed > was + 20 for spool, was in zip(spools, before, strict=True))

                await eventually(under_load, within=30)
                process.send_signal(signal.SIGKILL)
                await process.wait()
                await sending

    async with command("telemetry_svc", **variables) as process:
        port = (await log_line(process, "serving"))["port"]
        async with channel_to(port) as channel:
            admin = client(channel, issuer.metadata())
            for spool in spools:
                found = await spool.stored(admin)
                promised = {time_ms for sequence in range(1, spool.committed + 1) for time_ms in spool.times(sequence)}
                assert promised <= set(found)
                assert len(set(found)) == len(found)


async def test_what_a_bridge_published_outlives_kill_9_and_is_there_once(
    variables: dict[str, str], vhost: str, inventory: Any, issuer: Issuer, client: Make, batch: Make, store: Store
) -> None:
    await inventory.tell(7, "deployed", wait=False)
    start, messages = system() - 3_600_000, 200
    with broker_user(vhost, "ingest-4", may_write=r"^telemetry\.readings$") as url:
        async with await aio_pika.connect(url) as connection:
            exchange = await (await connection.channel()).get_exchange(QUEUE, ensure=False)

            async def publish() -> None:
                for number in range(messages):
                    body = batch(0, [start + number], device=7, temperature=[number]).SerializeToString()
                    await exchange.publish(aio_pika.Message(body, user_id="ingest-4"), "")

            async def under_load() -> bool:
                return await store.journal.count_documents({}) > 5

            async with command("telemetry_svc", **variables) as process:
                port = (await log_line(process, "serving"))["port"]
                async with channel_to(port) as channel:
                    await eventually(knowing(client(channel, issuer.metadata())), within=10)
                    publishing = asyncio.create_task(publish())
                    await eventually(under_load, within=20)
                    process.send_signal(signal.SIGKILL)
                    await process.wait()
            await publishing
    async with command("telemetry_svc", **variables) as process:
        port = (await log_line(process, "serving"))["port"]
        async with channel_to(port) as channel:
            admin = client(channel, issuer.metadata())

            async def all_there() -> bool:
                return (await admin.stats(window=7_200)).metrics["temperature"].count >= messages

            await eventually(all_there, within=20)
            found = await Spool(7).stored(admin)
    assert found == [start + number for number in reversed(range(messages))]


def knowing(admin: Any) -> Callable[[], Any]:
    """Whether a replica has heard of device 7."""

    async def heard() -> bool:
        try:
            await admin.health(7)
        except grpc.aio.AioRpcError:
            return False
        return True

    return heard


async def test_sigterm_stores_what_was_taken_sends_the_senders_away_and_gives_the_watch_up(
    variables: dict[str, str], inventory: Any, issuer: Issuer, client: Make, batch: Make, store: Store
) -> None:
    await inventory.tell(7, "deployed", wait=False)
    async with command("telemetry_svc", **variables) as process:
        port = (await log_line(process, "serving"))["port"]
        async with channel_to(port) as channel:
            device = client(channel, issuer.metadata(Kind.DEVICE, 7))

            async def stream() -> Any:
                """A stream that has begun."""
                opened = device.stream()
                try:
                    await opened.send(batch(1, [system()], temperature=[20]))
                    return opened if await device.read(7) else None
                except grpc.aio.AioRpcError:
                    return None

            opened = await eventually(stream)
            process.send_signal(signal.SIGTERM)
            error, summary = await opened.ended(within=3)
            assert (error.code(), summary.committed_sequence) == (grpc.StatusCode.UNAVAILABLE, 1)
            assert await asyncio.wait_for(process.wait(), 5) == 0
    assert await store.leases.count_documents({"owner": ""}) == PARTITIONS
    assert await store.leases.count_documents({"epoch": {"$gt": 0}}) == PARTITIONS
