"""Each principal is let in or refused as the access option says: every RPC, by every kind of caller, through Envoy."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory

from fieldstock.access.v1 import access_pb2
from fieldstock.auth.v1 import service_account_service_pb2, user_service_pb2  # noqa: F401 - their descriptors
from fieldstock.inventory.v1 import (  # noqa: F401
    device_service_pb2,
    device_type_service_pb2,
    settings_service_pb2,
    stock_service_pb2,
)
from fieldstock.telemetry.v1 import (  # noqa: F401
    alert_service_pb2,
    device_health_service_pb2,
    ingest_service_pb2,
    reading_service_pb2,
    rule_service_pb2,
    stats_service_pb2,
)
from servicekit.testing import Refused

PASSWORD = "correct horse battery"
USERS = {"viewer": access_pb2.ROLE_VIEWER, "operator": access_pb2.ROLE_OPERATOR, "admin": access_pb2.ROLE_ADMIN}
OTHERS = {
    "device": access_pb2.PRINCIPAL_DEVICE,
    "ingest": access_pb2.PRINCIPAL_INGEST,
    "service": access_pb2.PRINCIPAL_SERVICE,
}
SERVICES = {
    "fieldstock.auth.v1": ["UserService", "ServiceAccountService"],
    "fieldstock.inventory.v1": ["DeviceService", "DeviceTypeService", "DeviceSettingsService", "StockService"],
    "fieldstock.telemetry.v1": [
        "IngestService", "ReadingService", "DeviceHealthService", "RuleService", "AlertService", "StatsService",
    ],
}  # fmt: skip


def _methods() -> dict[str, Any]:
    pool: Any = descriptor_pool.Default()
    services = [pool.FindServiceByName(f"{package}.{name}") for package, names in SERVICES.items() for name in names]
    return {f"/{service.full_name}/{method.name}": method for service in services for method in service.methods}


METHODS = _methods()


@pytest.fixture
async def tokens(admin, anyone, ready) -> dict[str, str]:
    """An access token of each kind of caller."""
    found = {"admin": admin.http.headers["authorization"].removeprefix("Bearer "), "device": await ready.token()}
    for role in ("viewer", "operator"):
        user = {"username": f"{role}-{uuid4().hex[:8]}", "password": PASSWORD}
        await admin("POST", "/users/", {**user, "role": role})
        found[role] = (await anyone("POST", "/auth/login", user))["access_token"]
    for kind in ("ingest", "service"):
        name = f"{kind}-{uuid4().hex[:8]}"
        secret = (await admin("POST", "/auth/service-accounts", {"name": name, "kind": kind}))["secret"]
        answer = await anyone("POST", "/auth/service-token", {"name": name, "secret": secret})
        found[kind] = answer["access_token"]
    return found


async def _reason(channel: grpc.aio.Channel, path: str, token: str) -> str:
    """Why an empty request is refused; empty when it is not."""
    method: Any = METHODS[path]
    request, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
    metadata, codec = (("authorization", f"Bearer {token}"),), (request.SerializeToString, answer.FromString)
    try:
        if method.server_streaming:
            call = channel.unary_stream(path, *codec)(request(), metadata=metadata, timeout=10)
            await call.read()
            call.cancel()
        elif method.client_streaming:
            await channel.stream_unary(path, *codec)(iter(()), metadata=metadata, timeout=10)
        else:
            await channel.unary_unary(path, *codec)(request(), metadata=metadata, timeout=10)
    except grpc.aio.AioRpcError as error:
        return Refused(error).reason
    return ""


async def test_every_rpc_lets_in_whom_it_says_and_nobody_else(door, tokens):
    wrong = []
    for path, method in METHODS.items():
        access = method.GetOptions().Extensions[access_pb2.access]
        allowed = {who for who, role in USERS.items() if access.at_least and role >= access.at_least}
        allowed |= {who for who, principal in OTHERS.items() if principal in access.also}
        if access.anyone:
            allowed = set(tokens)
        for who, token in tokens.items():
            # What an empty request is refused for besides, comes after the door.
            let_in = await _reason(door, path, token) not in {"PERMISSION_DENIED", "UNAUTHENTICATED"}
            if let_in != (who in allowed):
                wrong.append((path, who, "let in" if let_in else "refused"))
    assert wrong == []
