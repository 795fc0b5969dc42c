"""The other side of the client: a clock that the test moves, and a server that keeps the contract."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from fieldstock.auth.v1 import device_token_service_pb2_grpc
from fieldstock.auth.v1.device_token_service_pb2 import DeviceToken, IssueDeviceTokenRequest
from fieldstock.inventory.v1 import settings_pb2, settings_service_pb2_grpc
from fieldstock.inventory.v1.settings_service_pb2 import ReportDeviceSettingsRequest
from fieldstock.telemetry.v1 import ingest_service_pb2_grpc
from fieldstock.telemetry.v1.ingest_service_pb2 import CreateReadingRequest
from fieldstock.telemetry.v1.reading_pb2 import Reading, ReadingBatch, Rejection, StreamSummary
from fieldstock_device import DeviceClient, Pace, Spool, State
from fieldstock_device.testing import VirtualClock, VirtualTimer


@dataclass
class Ending:
    """How a stream ends, once so many batches came: with how many of them committed, and whether it tells."""

    code: grpc.StatusCode
    reason: str
    after: int = 0
    committed: int = 0
    tells: bool = True
    retry_after: float | None = None


@dataclass
class Received:
    """One stream, as the server saw it."""

    token: str
    source_ids: list[str] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    half_closed: bool = False


class Peer(ingest_service_pb2_grpc.IngestServiceServicer, device_token_service_pb2_grpc.DeviceTokenServiceServicer):
    """IngestService and DeviceTokenService by the contract, with endings to order."""

    def __init__(self) -> None:
        self.rotate_after_ms = 60_000
        self.expires_in = 900
        self.token_failures: deque[Ending] = deque()
        self.endings: deque[Ending] = deque()
        self.tokens: list[str] = []
        self.revoked: set[str] = set()
        self.streams: list[Received] = []
        self.batches: list[ReadingBatch] = []
        self.stored: dict[tuple[int, str], float] = {}
        self.rejections: list[Rejection] = []
        # What a summary says instead of the truth.
        self.claims: deque[int] = deque()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def IssueDeviceToken(self, request: IssueDeviceTokenRequest, context: aio.ServicerContext) -> DeviceToken:
        if self.token_failures:
            await _abort(context, self.token_failures.popleft(), None)
        if request.secret != "secret":
            await _abort(context, Ending(grpc.StatusCode.UNAUTHENTICATED, "INVALID_CREDENTIALS"), None)
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        return DeviceToken(access_token=self.tokens[-1], token_type="Bearer", expires_in=self.expires_in, device_id=7)

    async def CreateReading(self, request: CreateReadingRequest, context: aio.ServicerContext) -> Reading:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "devices stream")

    async def StreamReadings(
        self, request_iterator: AsyncIterator[ReadingBatch], context: aio.ServicerContext
    ) -> StreamSummary:
        token = str(dict(context.invocation_metadata() or ())["authorization"]).removeprefix("Bearer ")
        received = Received(token)
        self.streams.append(received)
        ending = self.endings.popleft() if self.endings else None
        if token not in self.tokens or token in self.revoked:
            ending = Ending(grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN")
        if ending is not None and ending.after == 0:
            await _abort(context, ending, StreamSummary())
        await context.send_initial_metadata((("rotate-after-ms", str(self.rotate_after_ms)),))
        batches: list[ReadingBatch] = []
        async for batch in request_iterator:
            if received.sequences and batch.sequence != received.sequences[-1] + 1:
                await _abort(context, Ending(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_SEQUENCE"), StreamSummary())
            if token in self.revoked:
                await _abort(context, Ending(grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN"), self._commit(batches))
            received.sequences.append(batch.sequence)
            received.source_ids.append(batch.source_id)
            batches.append(batch)
            self.batches.append(batch)
            if ending is not None and len(batches) >= ending.after:
                await _abort(context, ending, self._commit(batches[: ending.committed]) if ending.tells else None)
        received.half_closed = True
        await self.may_answer.wait()
        return self._commit(batches)

    def _commit(self, batches: list[ReadingBatch]) -> StreamSummary:
        for batch in batches:
            for series in batch.series:
                for time_ms, value in zip(batch.time_ms, series.values, strict=True):
                    if value == value:
                        self.stored.setdefault((time_ms, series.metric), value)
        committed = batches[-1].sequence if batches else 0
        if self.claims:
            committed = self.claims.popleft()
        return StreamSummary(committed_sequence=committed, rejections=self.rejections)

    @property
    def values(self) -> list[float]:
        """The values stored, in the order of their times."""
        return [value for _, value in sorted(self.stored.items())]


class SettingsPeer(settings_service_pb2_grpc.DeviceSettingsServiceServicer):
    """DeviceSettingsService by the contract, for device 7."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.settings = settings_pb2.DeviceSettings(device_id=7)
        self.watches: list[str] = []
        self.reports: list[int] = []
        self.endings: deque[Ending] = deque()
        self.report_failures: deque[Ending] = deque()
        self._changed = asyncio.Event()

    def desire(self, **desired: object) -> None:
        """What an operator does."""
        self.settings.desired.Clear()
        self.settings.desired.update(desired)
        self.settings.version += 1
        self._stir()

    async def WatchDeviceSettings(
        self, request: object, context: aio.ServicerContext
    ) -> AsyncIterator[settings_pb2.DeviceSettings]:
        self.watches.append(await self._token(context))
        self._stir()
        mine = len(self.watches)
        ending = self.endings.popleft() if self.endings else None
        shown, told = -1, 0
        while True:
            if mine < len(self.watches):
                await _abort(context, Ending(grpc.StatusCode.ABORTED, "STREAM_REPLACED"), None)
            if ending is not None and told >= ending.after:
                await _abort(context, ending, None)
            changed = self._changed
            if shown == self.settings.version:
                await changed.wait()
                continue
            shown, told = self.settings.version, told + 1
            yield self.settings

    async def ReportDeviceSettings(
        self, request: ReportDeviceSettingsRequest, context: aio.ServicerContext
    ) -> settings_pb2.DeviceSettings:
        await self._token(context)
        if self.report_failures:
            await _abort(context, self.report_failures.popleft(), None)
        assert request.id == 7
        assert 1 <= request.version <= self.settings.version
        self.reports.append(request.version)
        self.settings.reported_version = max(self.settings.reported_version, request.version)
        return self.settings

    async def _token(self, context: aio.ServicerContext) -> str:
        token = str(dict(context.invocation_metadata() or ())["authorization"]).removeprefix("Bearer ")
        if token not in self._peer.tokens or token in self._peer.revoked:
            await _abort(context, Ending(grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN"), None)
        return token

    def _stir(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def _abort(context: aio.ServicerContext, ending: Ending, summary: StreamSummary | None) -> None:
    details = [Any(), Any()]
    details[0].Pack(error_details_pb2.ErrorInfo(reason=ending.reason, domain="fieldstock"))
    if ending.retry_after is None:
        details.pop()
    else:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=ending.retry_after))
        details[1].Pack(retry)
    status = status_pb2.Status(code=ending.code.value[0], message="as ordered", details=details)
    trailers: list[tuple[str, bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
    if summary is not None:
        trailers.append(("stream-summary-bin", summary.SerializeToString()))
    await context.abort(ending.code, "as ordered", tuple(trailers))


class World:
    """A clock, a server and the clients that a test opens between them."""

    def __init__(self, clock: VirtualClock, peer: Peer, url: str) -> None:
        self.clock, self.peer, self.url = clock, peer, url
        self.settings = SettingsPeer(peer)
        self.states: list[State] = []

    @asynccontextmanager
    async def device(
        self,
        *,
        secret: str = "secret",
        spool: Spool | None = None,
        pace: Pace | None = None,
        on_settings: Callable[[dict[str, object]], Awaitable[None]] | None = None,
    ) -> AsyncIterator[DeviceClient]:
        async with DeviceClient(
            self.url,
            serial_number="SN-1",
            secret=secret,
            spool=spool,
            pace=pace,
            clock=self.clock,
            rng=random.Random(1),
            on_state=self.states.append,
            on_settings=on_settings,
        ) as client:
            try:
                yield client
            except BaseException:
                # A test that fails is not to wait for a deadline that nobody moves.
                closing = asyncio.create_task(client.close())
                await self.until(lambda: client.state is State.CLOSED or self.clock.advance(1))
                await closing
                raise

    async def pause(self, client: DeviceClient) -> float:
        """Waits until the client pauses between two attempts. Returns how long it means to."""
        alarm = client._closing._rung
        pauses: list[VirtualTimer] = []
        await self.until(lambda: pauses.extend(t for t in self.clock.timers() if t.callback == alarm.set) or pauses)
        return pauses[0].due - self.clock.time

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            # What it waits for lies on both sides of a socket.
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.002)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    peer = Peer()
    server = aio.server()
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(peer, server)
    device_token_service_pb2_grpc.add_DeviceTokenServiceServicer_to_server(peer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    world = World(VirtualClock(), peer, f"http://127.0.0.1:{port}")
    settings_service_pb2_grpc.add_DeviceSettingsServiceServicer_to_server(world.settings, server)
    await server.start()
    yield world
    await server.stop(0)


@pytest.fixture
def ending() -> type[Ending]:
    return Ending


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()
