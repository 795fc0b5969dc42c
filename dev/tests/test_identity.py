import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fieldstock_dev.identity import Identity, end


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_is_alive_until_it_ends(sleeper: subprocess.Popen[bytes]) -> None:
    identity = Identity.of(sleeper.pid)
    assert identity
    assert identity.alive
    assert not identity.wait(0)
    sleeper.kill()
    assert identity.wait(5)
    assert not identity.alive


def test_a_reused_pid_is_never_taken_for_ours(sleeper: subprocess.Popen[bytes]) -> None:
    identity = Identity.of(sleeper.pid)
    assert identity
    earlier = replace(identity, start=identity.start - 1)
    assert not earlier.alive
    assert end([earlier]) == []
    assert sleeper.poll() is None


def test_one_that_ignores_a_polite_request_is_killed() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        identity = Identity.of(process.pid)
        assert identity
        assert end([identity], politely=0.1) == []
    assert process.returncode == -signal.SIGKILL


def test_the_group_of_a_leader_that_is_gone_is_still_found() -> None:
    leader_of_one = "import os, sys; os.fork() or sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", leader_of_one], stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        identity = Identity.of(process.pid)
        assert identity
        process.wait(5)
        assert not identity.alive
        [child] = identity.group()
        assert child.pid != process.pid
        assert end([child]) == []
