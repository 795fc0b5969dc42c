"""`python -m inventory_svc`, as a supervisor runs it."""

import asyncio
import signal
import urllib.request
from base64 import urlsafe_b64encode

import grpc
import psycopg
import pytest

from fieldstock.auth.v1 import key_service_pb2, key_service_pb2_grpc
from inventory_svc.app import running
from inventory_svc.settings import Settings
from servicekit.server import serve
from servicekit.testing import command, empty_database, eventually, log_line, refused


class Keys(key_service_pb2_grpc.KeyServiceServicer):
    """Publishes the issuer's key, in the place of auth-svc."""

    def __init__(self, issuer):
        self._issuer = issuer

    async def GetKeySet(self, request, context):
        key = await self._issuer.keys(self._issuer.kid)
        x = urlsafe_b64encode(key.public_bytes_raw()).decode().rstrip("=")
        return key_service_pb2.KeySet(
            keys=[key_service_pb2.Key(kty="OKP", crv="Ed25519", x=x, kid=self._issuer.kid, alg="EdDSA", use="sig")]
        )


@pytest.fixture
async def variables(vhost, issuer, database):
    registration = (key_service_pb2_grpc.add_KeyServiceServicer_to_server, Keys(issuer))
    async with serve("127.0.0.1:0", [registration], issuer.verifier()) as auth:
        yield {"AMQP_URL": vhost, "POSTGRES_URL": database, "AUTH_TARGET": f"127.0.0.1:{auth.port}"}


async def test_sigterm_lets_the_running_call_finish_and_refuses_the_next(variables, client_at, database):
    async with command("inventory_svc", **variables) as process:
        port = (await log_line(process, "serving"))["port"]
        async with client_at(port) as admin, await psycopg.AsyncConnection.connect(database) as other:
            id = (await admin.register()).device.id
            await other.execute("SELECT * FROM t_devices FOR UPDATE")
            deploying = asyncio.create_task(admin.deploy(id))

            async def waits():
                cursor = await other.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                return await cursor.fetchone()

            await eventually(waits)
            process.send_signal(signal.SIGTERM)

            async def turned_away():
                async with client_at(port) as newcomer:
                    try:
                        await newcomer.get(id)
                    except grpc.aio.AioRpcError as error:
                        return error.code() is grpc.StatusCode.UNAVAILABLE
                return False

            await eventually(turned_away)
            assert not deploying.done()
            await other.rollback()
            assert (await deploying).status == "deployed"
            assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_sigterm_does_not_wait_for_a_call_that_does_not_end(variables, client_at, database):
    async with command("inventory_svc", **variables) as process:
        port = (await log_line(process, "serving"))["port"]
        async with client_at(port) as admin, await psycopg.AsyncConnection.connect(database) as other:
            id = (await admin.register()).device.id
            await other.execute("SELECT * FROM t_devices FOR UPDATE")
            deploying = asyncio.create_task(admin.deploy(id))
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 15) == 0
            with pytest.raises(grpc.aio.AioRpcError):
                await deploying
            await other.rollback()
            cursor = await other.execute("SELECT status FROM t_devices")
            assert await cursor.fetchone() == ("in_stock",)


async def test_an_event_outlives_the_process_that_wrote_it(variables, client_at, vhost, heard):
    async with command("inventory_svc", **{**variables, "AMQP_URL": "amqp://nobody@127.0.0.1:1/"}) as process:
        port = (await log_line(process, "serving"))["port"]
        async with client_at(port) as admin:
            await admin.register()
            process.kill()
            await process.wait()
    async with command("inventory_svc", **variables) as process:
        await log_line(process, "serving")
        await heard.next("inventory.device.registered")
        await heard.next("inventory.device.credential")


async def test_metrics_tell_of_every_rpc(variables, client_at, free_port):
    address = f"127.0.0.1:{free_port}"
    async with command("inventory_svc", METRICS_LISTEN=address, **variables) as process:
        port = (await log_line(process, "serving"))["port"]
        async with client_at(port) as admin:
            id = (await admin.register()).device.id
            await admin.get(id)
            await refused(admin.get(id + 1))

        method = "/fieldstock.inventory.v1.DeviceService/GetDevice"
        wanted = {
            f'fieldstock_rpcs_total{{code="OK",method="{method}"}} 1.0',
            f'fieldstock_rpcs_total{{code="NOT_FOUND",method="{method}"}} 1.0',
            f'fieldstock_rpc_seconds_count{{method="{method}"}} 2.0',
        }

        async def told():
            answer = await asyncio.to_thread(urllib.request.urlopen, f"http://{address}/metrics", timeout=5)
            return wanted <= set(answer.read().decode().splitlines())

        await eventually(told)


async def test_a_database_that_is_away_at_migrate_is_told_as_json(vhost):
    variables = {"AMQP_URL": vhost, "POSTGRES_URL": "postgresql://nobody@127.0.0.1:1/x", "AUTH_TARGET": "127.0.0.1:1"}
    async with command("inventory_svc", "migrate", **variables) as process:
        failed = await log_line(process, "process_failed")
        assert (failed["level"], failed["service"]) == ("error", "inventory-svc")
        assert "OperationalError" in failed["exception"]
        assert await process.wait() == 1


async def test_migrations_that_run_at_once_make_one_schema(servers, vhost):
    with empty_database() as url:
        variables = {"AMQP_URL": vhost, "POSTGRES_URL": url, "AUTH_TARGET": "127.0.0.1:1"}

        async def migrate():
            async with command("inventory_svc", "migrate", **variables) as process:
                return await process.wait()

        assert await asyncio.gather(*(migrate() for _ in range(3))) == [0, 0, 0]


async def test_requests_fail_as_unavailable_while_the_database_is_away(vhost, issuer, client_at):
    settings = Settings(amqp_url=vhost, postgres_url="postgresql://nobody@127.0.0.1:1/x", auth_target="127.0.0.1:1")
    async with running(settings, issuer.verifier()) as server, client_at(server.port) as admin:
        for call in (admin.get(1), admin.register(), admin.deploy(1)):
            no = await refused(call)
            assert (no.code, no.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
