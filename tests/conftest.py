"""The whole product, running, and those who use it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import httpx
import pytest
import socketio

from fieldstock_dev.stack import Stack


@pytest.fixture(scope="session")
def stack(servers: Stack) -> Iterator[Stack]:
    """All services behind Envoy, on the servers of this run."""
    servers.start("auth", "inventory", "telemetry", "gateway", "envoy")
    return servers


class Rest:
    """REST as a browser or curl speaks it; answers are JSON."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The answer of a call that must succeed."""
        response = await self.http.request(method, path, json=body, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    async def refused(self, method: str, path: str, body: Any = None, **options: Any) -> "Refusal":
        """What a call that must fail says."""
        response = await self.http.request(method, path, json=body, **options)
        assert response.is_error, f"{method} {path} was not refused: {response.text}"
        return Refusal(response)

    async def new_device(self, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """Registers a device; gives it and its credential."""
        serial = f"SN-{uuid4().hex[:12]}"
        given = {"name": f"Sensor {serial}", "type": "sensor", "serial_number": serial, "location": "Warehouse A"}
        answer = await self("POST", "/devices/", {**given, **fields})
        return answer["device"], answer["credential"]


class Refusal:
    """An error as REST shows it: every one has a code, a message, and a reason."""

    def __init__(self, response: httpx.Response) -> None:
        assert response.headers["content-type"] == "application/json", response.text
        error = response.json()
        self.status = response.status_code
        self.code, self.message = error["code"], error["message"]
        details = {detail["@type"].rpartition(".")[2]: detail for detail in error["details"]}
        self.reason = details["ErrorInfo"]["reason"]
        assert details["ErrorInfo"]["domain"] == "fieldstock"
        violations = details.get("BadRequest", {}).get("field_violations", [])
        self.fields = sorted(violation["field"] for violation in violations)

    def __repr__(self) -> str:
        return f"<{self.status} {self.reason}: {self.message}>"


@pytest.fixture
async def anyone(stack: Stack) -> AsyncIterator[Rest]:
    """Without a token."""
    async with httpx.AsyncClient(base_url=stack.base_url, timeout=30) as http:
        yield Rest(http)


@pytest.fixture
async def admin(anyone: Rest, stack: Stack) -> AsyncIterator[Rest]:
    """Signed in as the first admin."""
    given = {"username": stack.admin_username, "password": stack.admin_password}
    token = (await anyone("POST", "/auth/login", given))["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=30) as http:
        yield Rest(http)


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[grpc.aio.Channel]:
    """gRPC through Envoy, at the port that REST has."""
    async with grpc.aio.insecure_channel(urlsplit(stack.base_url).netloc) as channel:
        yield channel


@pytest.fixture
async def socket(stack: Stack, admin: Rest) -> AsyncIterator[socketio.AsyncSimpleClient]:
    """The official Socket.IO client, signed in; connected through Envoy."""
    token = admin.http.headers["authorization"].removeprefix("Bearer ")
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(
            stack.base_url, socketio_path="/ws/monitoring", transports=["websocket"], auth={"token": token}
        )
        yield client
