"""`python -m auth_svc`, as a supervisor runs it."""

import asyncio
import signal
from contextlib import asynccontextmanager
from functools import partial

import pytest

from auth_svc.app import prepare
from auth_svc.settings import MigrationSettings
from servicekit import testing
from servicekit.testing import log_line, refused


@pytest.fixture
def command(settings):
    """Starts `python -m auth_svc ...`, told of its servers and nothing else."""
    return partial(testing.command, "auth_svc", POSTGRES_URL=settings.postgres_url, AMQP_URL=settings.amqp_url)


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
            port = (await log_line(process, "serving"))["port"]
            async with auth_at(port) as auth:
                yield process, auth

    return start


async def test_migrate_makes_the_first_admin_and_never_another(run, serving):
    for username, password in [("root", "first"), ("other", "second")]:
        code, said = await run("migrate", ADMIN_USERNAME=username, ADMIN_PASSWORD=password)
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
        ({"ADMIN_PASSWORD": "x" * 257}, "FIELDSTOCK_ADMIN_PASSWORD: must not be longer"),
        ({"ADMIN_PASSWORD": "x", "ADMIN_USERNAME": " "}, "FIELDSTOCK_ADMIN_USERNAME"),
        ({"ADMIN_PASSWORD": "x", "KEY_ROTATION_DAYS": "0"}, "FIELDSTOCK_KEY_ROTATION_DAYS"),
        ({"DEVICE_TOKEN_SECONDS": "86401"}, "FIELDSTOCK_DEVICE_TOKEN_SECONDS"),
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
