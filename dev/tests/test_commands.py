"""The command line, as a person meets it when something is wrong."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from fieldstock_dev.ports import LOOPBACK


def command(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {f"FIELDSTOCK_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "fieldstock_dev", *words], env=environment, capture_output=True, text=True, check=False
    )


def test_a_busy_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        number = stranger.getsockname()[1]
        refused = command("up", home=tmp_path / "home", port=number)
    assert refused.returncode == 1
    assert f"Port {number} on {LOOPBACK} is in use" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "Nothing is running" in command("status", home=tmp_path / "home").stdout


def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    refused = command("status", home=tmp_path, port="eighty")
    assert refused.returncode == 1
    assert "FIELDSTOCK_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_reset_removes_no_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    refused = command("reset", home=tmp_path)
    assert refused.returncode == 1
    assert "was not made by Fieldstock" in refused.stderr
    assert (tmp_path / "letter.txt").exists()


def test_down_of_what_never_ran_is_no_failure(tmp_path: Path) -> None:
    ended = command("down", home=tmp_path / "home")
    assert (ended.returncode, ended.stdout.strip()) == (0, "Nothing was running.")
