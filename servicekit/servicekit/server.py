"""A gRPC server as all our services run it: one door for every RPC, health, reflection, and a drain at the end."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import Any, TypeVar

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from servicekit.access import AccessRules, Verifier, bearer, enter
from servicekit.errors import DatabaseUnavailable, DeadlineExceeded, Internal, MalformedRequest, ServiceError
from servicekit.logs import logger
from servicekit.observability import RPC_SECONDS, RPC_TOTAL
from servicekit.required import check_required

# A unary call that takes longer holds a connection that somebody else could use.
UNARY_CAP_SECONDS = 30.0
# Of a caller's own deadline, what the call may take: gRPC ends it there without a reason, and so we end it before.
OF_DEADLINE = 0.9
DRAIN_SECONDS = 5.0

# Answer without a token. They say nothing of the domain, and Envoy routes neither of them.
HealthServicer: Any = health.aio.HealthServicer  # pyright: ignore[reportAttributeAccessIssue] - it has no stubs
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
INFRASTRUCTURE = frozenset({HEALTH, reflection.SERVICE_NAME})

# The size of a batch of readings, and a little for its frame.
OPTIONS = [
    ("grpc.max_receive_message_length", 4 * 1024 * 1024 + 65536),
    # All that Envoy lets through, a long query's path twice; by default gRPC refuses from 8 KiB on, and by chance.
    ("grpc.max_metadata_size", 128 * 1024),
    ("grpc.absolute_max_metadata_size", 160 * 1024),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # What a sender may have on its way in a stream before it is read. gRPC would let it grow with the sender's speed,
    # to megabytes of each stream, in memory.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 64 * 1024),
]

Registration = tuple[Callable[[Any, grpc.aio.Server], None], object]
Behaviour = Callable[[Any, Any], Awaitable[Message | None]]
Parse = Callable[[Any], Any]
Away = Callable[[Exception], bool]
Method = TypeVar("Method")
# Where a method keeps how its requests are read.
_PARSE = "parse_request"


class Server:
    """A running server. `port` is the one it listens on; `set_serving` is what its health check says."""

    def __init__(self, server: grpc.aio.Server, port: int, checks: Any) -> None:
        self._server = server
        self._health = checks
        self.port = port

    async def set_serving(self, serving: bool) -> None:
        """Tells load balancers whether to send anything here."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set("", status)


@asynccontextmanager
async def serve(
    listen: str, registrations: Sequence[Registration], verifier: Verifier, away: Away = lambda _: False
) -> AsyncIterator[Server]:
    """Serves proto services, each given as (its add_…_to_server, a servicer), at host:port; port 0 takes a free one.

    `away`: whether a method raised that because its database did not answer, which is no bug.

    On leaving, health says NOT_SERVING, running calls get DRAIN_SECONDS to end, and then they are cancelled.
    """
    names: list[str] = []
    door = Door(verifier, away)
    server = grpc.aio.server(interceptors=[door], options=OPTIONS)
    for register, servicer in registrations:
        register(servicer, server)
        names.append(_service_name(servicer))
    door.rules = AccessRules(names)
    checks = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection([*names, HEALTH, reflection.SERVICE_NAME], server)
    port = server.add_insecure_port(listen)
    await server.start()
    running = Server(server, port, checks)
    await running.set_serving(True)
    logger.info("serving", port=port, services=names)
    try:
        yield running
    finally:
        await running.set_serving(False)
        await server.stop(DRAIN_SECONDS)


def _service_name(servicer: object) -> str:
    """Full name of the proto service: generated bases are called <Name>Servicer, in the module of their proto."""
    for base in type(servicer).__mro__:
        if base.__module__.endswith("_pb2_grpc"):
            package = base.__module__.rpartition(".")[0]
            return f"{package}.{base.__name__.removesuffix('Servicer')}"
    raise TypeError(f"{type(servicer).__name__} is no servicer of a generated stub")


class Door(grpc.aio.ServerInterceptor):
    """What happens to every RPC: a request id, the caller, the access option, required fields, a deadline; and at the
    end the translation of a failure, a log line for a bug, and a count."""

    def __init__(self, verifier: Verifier, away: Away) -> None:
        self._verifier = verifier
        self._away = away
        self.rules = AccessRules([])
        self._handlers: dict[str, Any] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler with the door before it, made once for each method."""
        method = handler_call_details.method
        known = self._handlers.get(method)
        if known is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None or method.split("/")[1] in INFRASTRUCTURE:
            return handler
        guarded = self._guard(method, handler)
        self._handlers[method] = guarded
        return guarded

    def _guard(self, method: str, handler: Any) -> Any:
        if handler.unary_unary:
            behaviour, make, cap = handler.unary_unary, grpc.unary_unary_rpc_method_handler, UNARY_CAP_SECONDS
        elif handler.stream_unary:
            behaviour, make, cap = handler.stream_unary, grpc.stream_unary_rpc_method_handler, None
        elif handler.unary_stream:
            behaviour, make, cap = _writing(handler.unary_stream), grpc.unary_stream_rpc_method_handler, None
        else:
            raise TypeError(f"{method} streams both ways; the door has no way for that yet")
        parse = _parsing(method, getattr(behaviour, _PARSE, handler.request_deserializer))
        # What grpc parses of itself fails before it comes to us. A stream's messages are read within the behaviour.
        before, within = (_as_it_is, parse) if handler.stream_unary else (parse, None)
        return make(self._serving(method, behaviour, before, cap), within, handler.response_serializer)

    def _serving(self, method: str, behaviour: Behaviour, parse: Parse, cap: float | None) -> Behaviour:
        seconds = RPC_SECONDS.labels(method)

        async def serve_one(request: Any, context: Any) -> Message | None:
            started, code, within = perf_counter(), grpc.StatusCode.OK, _within(cap, context)
            limit = asyncio.timeout(within)
            try:
                await self._admit(method, context)
                parsed = parse(request)
                if isinstance(parsed, Message):
                    check_required(parsed)
                async with limit:
                    return await behaviour(parsed, context)
            except ServiceError as error:
                code = error.code
                await _abort(context, error)
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            except grpc.aio.AbortError:
                code = context.code()
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, its caller gets an answer
                told = self._told(method, error, within if limit.expired() else None)
                code = told.code
                await _abort(context, told)
            finally:
                seconds.observe(perf_counter() - started)
                RPC_TOTAL.labels(method, code.name if isinstance(code, grpc.StatusCode) else str(code)).inc()
            raise AssertionError("abort returned")

        return serve_one

    def _told(self, method: str, error: Exception, limit: float | None) -> ServiceError:
        """What the caller learns of a failure that has no words of its own. `limit`: the seconds that are over, if they
        are."""
        if self._away(error):
            logger.warning("database_away", method=method, error=str(error))
            return DatabaseUnavailable()
        if isinstance(error, TimeoutError) and limit is not None:
            return DeadlineExceeded(seconds=round(limit, 3))
        return _unknown(method)  # a bug: its caller learns a number, its log the rest

    async def _admit(self, method: str, context: Any) -> None:
        metadata = dict(context.invocation_metadata() or ())
        request_id = str(metadata.get("x-request-id") or uuid.uuid4())
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if self.rules.open_to_anyone(method):
            return
        who = await self._verifier.verify(bearer(metadata))
        self.rules.check(method, who)
        enter(who)


def reads(parse: Parse) -> Callable[[Method], Method]:
    """Has a method's requests read by `parse`, bytes to whatever the method takes, in place of protobuf. It may raise
    protobuf's DecodeError."""

    def mark(behaviour: Method) -> Method:
        setattr(behaviour, _PARSE, parse)
        return behaviour

    return mark


def _within(cap: float | None, context: Any) -> float | None:
    """Seconds that a call may take: the cap, or less when its caller waits for less."""
    remaining = None if cap is None else context.time_remaining()
    return cap if remaining is None else min(cap or remaining, OF_DEADLINE * remaining)


def _writing(answers: Callable[[Any, Any], AsyncGenerator[Message, None]]) -> Behaviour:
    """Writes what an async generator yields, as fast as the caller takes it; the generator ends when the call does."""

    async def write_all(request: Any, context: Any) -> None:
        async with aclosing(answers(request, context)) as messages:
            async for message in messages:
                await context.write(message)

    return write_all


def _as_it_is(request: Any) -> Any:
    return request


def _parsing(method: str, deserialize: Parse) -> Parse:
    def parse(data: bytes) -> Message:
        try:
            return deserialize(data)
        except DecodeError as error:
            raise MalformedRequest(method=method.rpartition("/")[2]) from error

    return parse


async def _abort(context: Any, error: ServiceError) -> None:
    trailing = (*(context.trailing_metadata() or ()), ("grpc-status-details-bin", error.status().SerializeToString()))
    await context.abort(error.code, error.message, trailing)


def _unknown(method: str) -> Internal:
    logger.exception("rpc_failed", method=method)
    return Internal(request_id=structlog.contextvars.get_contextvars().get("request_id", "?"))
