"""Who gets in, and how."""

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
import socketio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode

from fieldstock.auth.v1 import key_service_pb2, key_service_pb2_grpc
from gateway.app import Edge
from gateway.settings import Limits, Settings
from gateway.testing import PATIENCE, Watcher
from servicekit.access import Kind, Role
from servicekit.server import serve
from servicekit.testing import Issuer, eventually

MakeWatcher = Callable[[], Watcher]


async def refusal(watcher: Watcher, auth: Any) -> Any:
    """What the edge says to somebody who is not let in."""
    with pytest.raises(socketio.exceptions.ConnectionError):
        await watcher.connect(auth)
    return watcher.refusal


async def test_users_of_every_role_are_let_in(watcher_of: MakeWatcher, issuer: Issuer, edge: Edge):
    for role in Role:
        await watcher_of().connect({"token": issuer.token(role=role)})
    assert len(edge.sessions) == len(Role)


async def test_a_service_is_let_in(watcher_of: MakeWatcher, issuer: Issuer):
    await watcher_of().connect({"token": issuer.token(Kind.SERVICE)})


async def test_who_brings_no_token_is_refused(watcher_of: MakeWatcher, edge: Edge):
    for auth in (None, {}, {"token": ""}, {"token": None}, {"token": 7}, {"token": ["x"]}, "x", ["x"], {"tokens": "x"}):
        said = await refusal(watcher_of(), auth)
        assert said["message"] == "unauthorized"
        assert said["data"]["reason"] == "TOKEN_MISSING"
    assert len(edge.sessions) == 0


async def test_what_is_no_token_is_refused(watcher_of: MakeWatcher):
    for token in ("x", "a.b.c", "\ud800", "ü" * 100):
        said = await refusal(watcher_of(), {"token": token})
        assert said["message"] == "unauthorized"
        assert said["data"]["reason"] == "UNAUTHENTICATED"


async def test_a_forged_token_is_refused(watcher_of: MakeWatcher):
    said = await refusal(watcher_of(), {"token": Issuer().token()})
    assert said == {
        "message": "unauthorized",
        "data": {"reason": "UNAUTHENTICATED", "message": "The token is not valid."},
    }


async def test_an_unsigned_token_is_refused(watcher_of: MakeWatcher, issuer: Issuer):
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    unsigned = jwt.encode(claims, None, "none", headers={"kid": issuer.kid})
    said = await refusal(watcher_of(), {"token": unsigned})
    assert said["data"]["reason"] == "UNAUTHENTICATED"


async def test_an_expired_token_is_refused(watcher_of: MakeWatcher, issuer: Issuer):
    said = await refusal(watcher_of(), {"token": issuer.token(ttl=-1)})
    assert said == {
        "message": "unauthorized",
        "data": {"reason": "UNAUTHENTICATED", "message": "The token has expired."},
    }


@pytest.mark.parametrize("kind", [Kind.DEVICE, Kind.INGEST])
async def test_devices_and_bridges_do_not_watch(watcher_of: MakeWatcher, issuer: Issuer, kind: Kind):
    said = await refusal(watcher_of(), {"token": issuer.token(kind, 7)})
    assert said["message"] == "unauthorized"
    assert said["data"]["reason"] == "PRINCIPAL_NOT_ADMITTED"


async def test_polling_is_refused_with_the_way_out(edge: Edge):
    watcher = Watcher(edge.port)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await watcher.connect({}, transports=["polling"])
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{edge.port}") as http:
        for method, path in (("GET", "/ws/monitoring/"), ("POST", "/ws/monitoring"), ("OPTIONS", "/ws/monitoring/")):
            answer = await http.request(method, path, params={"EIO": "4", "transport": "polling"})
            assert answer.status_code == 400
            failure = answer.json()
            assert failure["code"] == 3
            assert 'transports: ["websocket"]' in failure["message"]
            assert failure["details"][0]["reason"] == "WEBSOCKET_ONLY"


async def test_other_paths_are_not_found(edge: Edge):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{edge.port}") as http:
        answer = await http.get("/socket.io/")
    assert (answer.status_code, answer.json()["code"]) == (404, 5)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await Watcher(edge.port).connect({}, socketio_path="/socket.io")


async def test_a_page_of_another_origin_is_refused(watcher_of: MakeWatcher, issuer: Issuer, edge: Edge):
    auth = {"token": issuer.token()}
    with pytest.raises(socketio.exceptions.ConnectionError):
        await watcher_of().connect(auth, headers={"Origin": "https://elsewhere.example"})
    await watcher_of().connect(auth, headers={"Origin": f"http://127.0.0.1:{edge.port}"})


async def test_an_allowed_origin_is_let_in(serving: Any, settings: Settings, issuer: Issuer):
    origin = "https://dashboard.example"
    settings = settings.model_copy(update={"allowed_origins": frozenset({origin})})
    async with serving(settings, issuer.verifier()) as edge:
        watcher = Watcher(edge.port)
        await watcher.connect({"token": issuer.token()}, headers={"Origin": origin})
        await watcher.socket.disconnect()


async def test_who_leaves_is_forgotten(watcher: Watcher, edge: Edge):
    await watcher.subscribe("alerts")
    await watcher.socket.disconnect()

    async def nobody() -> bool:
        return len(edge.sessions) == 0

    await eventually(nobody)


async def test_who_never_authenticates_is_let_go(serving: Any, settings: Settings, issuer: Issuer):
    limits = Limits(seconds_to_authenticate=0.1)
    async with serving(settings.model_copy(update={"limits": limits}), issuer.verifier()) as edge:
        silent = Watcher(edge.port)
        gone = asyncio.Event()
        silent.socket.eio.on("disconnect", lambda *_: gone.set())
        await silent.socket.eio.connect(
            f"http://127.0.0.1:{edge.port}", engineio_path="/ws/monitoring", transports=["websocket"]
        )
        await asyncio.wait_for(gone.wait(), PATIENCE)


async def test_the_edge_is_not_healthy_without_a_broker(settings: Settings):
    from gateway.app import running

    async with (
        running(settings.model_copy(update={"amqp_url": "amqp://127.0.0.1:1/"})) as edge,
        httpx.AsyncClient() as http,
    ):
        answer = await http.get(f"http://127.0.0.1:{edge.port}/healthz")
    assert answer.status_code == 503
    assert answer.json()["details"][0]["reason"] == "BROKER_AWAY"


class Keys(key_service_pb2_grpc.KeyServiceServicer):
    """The key of an issuer, as auth-svc would publish it."""

    def __init__(self, issuer: Issuer, key: Any) -> None:
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._key = key_service_pb2.Key(
            kty="OKP", crv="Ed25519", x=base64url_encode(raw).decode(), kid=issuer.kid, alg="EdDSA", use="sig"
        )

    async def GetKeySet(self, request: Any, context: Any) -> Any:
        return key_service_pb2.KeySet(keys=[self._key])


async def test_keys_come_from_auth(serving: Any, settings: Settings, issuer: Issuer):
    keys = Keys(issuer, await issuer.keys(issuer.kid))
    registration = (key_service_pb2_grpc.add_KeyServiceServicer_to_server, keys)
    async with serve("127.0.0.1:0", [registration], issuer.verifier()) as auth:
        settings = settings.model_copy(update={"auth_target": f"127.0.0.1:{auth.port}"})
        async with serving(settings) as edge:
            watcher = Watcher(edge.port)
            await watcher.connect({"token": issuer.token()})
            await watcher.socket.disconnect()


async def test_without_auth_the_client_may_try_again(serving: Any, settings: Settings, issuer: Issuer):
    async with serving(settings) as edge:
        said = await refusal(Watcher(edge.port), {"token": issuer.token()})
    assert said["message"] == "unavailable"
    assert said["data"]["reason"] == "KEYS_UNAVAILABLE"


async def test_the_process_starts_and_ends_when_asked(settings: Settings):
    environment = {
        "FIELDSTOCK_LISTEN": "127.0.0.1:0",
        "FIELDSTOCK_AMQP_URL": settings.amqp_url,
        "FIELDSTOCK_AUTH_TARGET": settings.auth_target,
        "FIELDSTOCK_TELEMETRY_TARGET": settings.telemetry_target,
        "FIELDSTOCK_INVENTORY_TARGET": settings.inventory_target,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    async with asyncio.timeout(PATIENCE):
        while b"broker_connected" not in (await process.stderr.readline()):
            assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_missing_setting_is_named():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", env={}, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"FIELDSTOCK_TELEMETRY_TARGET" in said
    assert b"Traceback" not in said
