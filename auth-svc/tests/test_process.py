"""`python -m auth_svc`, as a supervisor runs it."""

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from auth_svc.app import prepare
from auth_svc.settings import MigrationSettings
from servicekit.testing import refused


@pytest.fixture
def command(settings):
    """Starts `python -m auth_svc ...`, told of its servers and nothing else."""

    @asynccontextmanager
    async def start(*arguments, **variables):
        environment = {
            "FIELDSTOCK_POSTGRES_URL": settings.postgres_url,
            "FIELDSTOCK_AMQP_URL": settings.amqp_url,
            **variables,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "auth_svc", *arguments), env=environment, stderr=asyncio.subprocess.PIPE
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return start


@pytest.fixture
def run(command):
    """Runs it to its end; gives its exit status and what it said."""

    async def run(*arguments, **variables):
        async with command(*arguments, **variables) as process:
            _, said = await process.communicate()
            return process.returncode, said.decode()

    return run


@pytest.fixture
def serving(command, auth_at):
    """The process that serves, and its client."""

    @asynccontextmanager
    async def start(**variables):
        async with command(**variables) as process:
            port = None
            while port is None:
                port = json.loads(await asyncio.wait_for(process.stderr.readline(), 20)).get("port")
            async with auth_at(port) as auth:
                yield process, auth

    return start


async def test_migrate_makes_the_first_admin_and_never_another(run, serving):
    for username, password in [("root", "first"), ("other", "second")]:
        code, said = await run("migrate", FIELDSTOCK_ADMIN_USERNAME=username, FIELDSTOCK_ADMIN_PASSWORD=password)
        assert code == 0, said
    # Once there is somebody, no password is needed.
    code, said = await run("migrate")
    assert code == 0, said

    async with serving() as (process, auth):
        assert (await auth.login("root", "first")).access_token
        assert (await refused(auth.login("other", "second"))).reason == "INVALID_CREDENTIALS"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_preparations_that_run_at_once_make_one_admin(settings, rows):
    await asyncio.gather(*(prepare(_for_admin(settings, f"admin-{n}")) for n in range(5)))
    assert len(await (await rows.execute("SELECT id FROM t_users")).fetchall()) == 1


@pytest.mark.parametrize(
    "variables, named",
    [
        ({}, "FIELDSTOCK_ADMIN_PASSWORD: is required"),
        ({"FIELDSTOCK_ADMIN_PASSWORD": "x" * 257}, "FIELDSTOCK_ADMIN_PASSWORD: must not be longer"),
        ({"FIELDSTOCK_ADMIN_PASSWORD": "x", "FIELDSTOCK_ADMIN_USERNAME": " "}, "FIELDSTOCK_ADMIN_USERNAME"),
        ({"FIELDSTOCK_ADMIN_PASSWORD": "x", "FIELDSTOCK_KEY_ROTATION_DAYS": "0"}, "FIELDSTOCK_KEY_ROTATION_DAYS"),
        ({"FIELDSTOCK_DEVICE_TOKEN_SECONDS": "86401"}, "FIELDSTOCK_DEVICE_TOKEN_SECONDS"),
    ],
    ids=["no password", "a long password", "no name", "no rotation", "a token that outlives its revocation"],
)
async def test_a_wrong_setting_is_named_and_nothing_else_is_said(run, variables, named):
    code, said = await run("migrate", **variables)
    assert code == 1
    assert named in said
    assert "Traceback" not in said


async def test_an_unknown_command_is_told_what_there_is(run):
    code, said = await run("migrat")
    assert code == 1
    assert "migrate" in said


def _for_admin(settings, username):
    return MigrationSettings(
        postgres_url=settings.postgres_url, amqp_url=settings.amqp_url, admin_username=username, admin_password="x"
    )
