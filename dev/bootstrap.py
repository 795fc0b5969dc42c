"""Brings a bare machine to where `make` can work: the virtual environment, and the servers that are missing.

    python3 dev/bootstrap.py [--without-servers] [--with-browser]

Runs before everything else, so it needs nothing but Python's standard library. It says what it will install before it
does, does nothing in a few milliseconds when nothing is missing, and installs no server that the environment names
(FIELDSTOCK_POSTGRES_URL, FIELDSTOCK_MONGODB_URI, FIELDSTOCK_AMQP_URL).
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
BUILD = CHECKOUT / "build"
LOCK = CHECKOUT / "requirements.lock"
STAMP = VENV / "fieldstock-stamp.json"
LOG = BUILD / "bootstrap.log"
# In the order of their dependencies, which are all in the lock or in this list.
PACKAGES = ("proto", "servicekit", "auth-svc", "inventory-svc", "telemetry-svc", "gateway", "device-sdk", "dev")
PIP = (str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input")
PIP_INSTALL = (*PIP, "install", "--progress-bar=off", "--root-user-action=ignore")
POLICY = Path("/usr/sbin/policy-rc.d")


class CannotInstall(Exception):
    """Shown as it is; says what a person can do."""


def main() -> None:
    with_servers, with_browser = "--without-servers" not in sys.argv[1:], "--with-browser" in sys.argv[1:]
    try:
        refuse_old_python()
        if anything_missing(with_servers, with_browser):
            with only_one():
                install(with_servers, with_browser)
    except CannotInstall as problem:
        say(f"\n{problem}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        say("\nInterrupted. The next make goes on from here.")
        sys.exit(130)


def refuse_old_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (this file is run by whatever python3 there is)
        this = sys.version.split()[0]
        raise CannotInstall(f"Python 3.11 or newer is needed; this is {this}. Try: make PYTHON=python3.11 demo")


def anything_missing(with_servers: bool, with_browser: bool) -> bool:
    wants_packages = (with_servers or with_browser) and missing_packages(with_servers, with_browser)
    return bool(stale() or wants_packages or (with_servers and mongod_missing()))


def install(with_servers: bool, with_browser: bool) -> None:
    """Everything that is missing, announced first."""
    system, python = missing_packages(with_servers, with_browser), stale()
    mongod = with_servers and mongod_missing()
    if system or python or mongod:
        say("To be installed:")
    if system:
        say(f"  · Debian packages, on this machine: {', '.join(system)} (none is started as a service)")
    if "lock" in python:
        count = len(re.findall(r"^[\w.\-]+==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
        say(f"  · {count} Python packages, each pinned by hash, in .venv")
    elif python:
        say("  · Fieldstock's own packages anew, in .venv")
    if mongod:
        say("  · MongoDB 8.2, for development, in build/servers (130 MB; Debian has none)")
    if system:
        install_system_packages(system)
    if python:
        install_python_packages(python)
    if mongod:
        fetch_mongod()
    say("")


# --- Debian's packages


def missing_packages(with_servers: bool, with_browser: bool = False) -> list[str]:
    missing = []
    if not (VENV / "bin" / "python").exists() and not has_ensurepip():
        missing.append("python3-venv")
    if with_servers and not os.environ.get("FIELDSTOCK_POSTGRES_URL") and not postgres_found():
        missing.append("postgresql")
    if with_servers and not os.environ.get("FIELDSTOCK_AMQP_URL") and not rabbitmq_found():
        missing.append("rabbitmq-server")
    if with_browser and not shutil.which("chromium"):
        missing.append("chromium")
    return missing


def has_ensurepip() -> bool:
    """Debian leaves it out of python3, and without it an environment has no pip."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def postgres_found() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb") is not None


def rabbitmq_found() -> bool:
    scripts = Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server")
    return any(scripts) or shutil.which("rabbitmq-server") is not None


def mongod_missing() -> bool:
    if os.environ.get("FIELDSTOCK_MONGODB_URI") or shutil.which("mongod"):
        return False
    return not any((BUILD / "servers").glob("mongodb-*/mongod"))


def fetch_mongod() -> None:
    """By the package that has just been installed: it shows its own progress."""
    if subprocess.run((str(VENV / "bin" / "python"), "-m", "fieldstock_dev", "fetch"), check=False).returncode:
        raise CannotInstall("MongoDB could not be fetched; the reason stands above.")


def install_system_packages(packages: Sequence[str]) -> None:
    by_hand = f"As root: apt-get install {' '.join(packages)}"
    given = (
        "Servers that run elsewhere can be named instead: "
        "FIELDSTOCK_POSTGRES_URL, FIELDSTOCK_AMQP_URL, FIELDSTOCK_MONGODB_URI."
    )
    if not shutil.which("apt-get"):
        raise CannotInstall(f"Missing, and there is no apt-get to install it with: {', '.join(packages)}.\n{given}")
    if os.getuid() == 0:
        root: tuple[str, ...] = ()
    elif shutil.which("sudo"):
        root = ("sudo",)
        # Asks for the password now, while nothing else writes to the terminal.
        if subprocess.run(("sudo", "-v"), check=False).returncode:
            raise CannotInstall(f"sudo was refused. {by_hand}\n{given}")
    else:
        raise CannotInstall(f"You are not root and there is no sudo. {by_hand}\n{given}")
    apt = (*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q")
    with services_not_started(root):
        run("reading package lists", (*apt, "update"), hint=by_hand)
        run("installing Debian packages", (*apt, "install", "-y", "--no-install-recommends", *packages), hint=by_hand)


@contextlib.contextmanager
def services_not_started(root: Sequence[str]) -> Iterator[None]:
    """Debian starts a server once it is installed; ours run on their own. A policy that exists is left alone."""
    if POLICY.exists():
        yield
        return
    subprocess.run((*root, "sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' >{POLICY} && chmod 755 {POLICY}"), check=True)
    try:
        yield
    finally:
        subprocess.run((*root, "rm", "-f", str(POLICY)), check=True)


# --- Python's packages


def stale() -> dict[str, str]:
    """What the environment should hold and does not, by step; empty when it is as it should be."""
    stamp = read_stamp()
    projects = [CHECKOUT / package / "pyproject.toml" for package in PACKAGES]
    wanted = {"lock": digest([LOCK]), "packages": digest([LOCK, *projects])}
    return {step: hashed for step, hashed in wanted.items() if stamp.get(step) != hashed}


def digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256(str(VENV).encode())
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def install_python_packages(steps: dict[str, str]) -> None:
    if not (VENV / "bin" / "pip").exists():
        run(
            "making .venv",
            (sys.executable, "-m", "venv", str(VENV)),
            hint="Is Python's venv whole? (Debian: apt install python3-venv)",
        )
    if "lock" in steps:
        command = (*PIP_INSTALL, "--require-hashes", "--requirement", str(LOCK))
        run("installing Python packages", command, hint="Is the package index within reach?")
    folders = [word for package in PACKAGES for word in ("--editable", str(CHECKOUT / package))]
    run("installing Fieldstock's own packages", (*PIP_INSTALL, "--no-deps", "--no-build-isolation", *folders), hint="")
    # Only now: what was interrupted is done again.
    write_stamp(steps)


def read_stamp() -> dict[str, str]:
    """What the environment holds, by step; nothing when it is not there or its last installation did not end."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8")) if (VENV / "bin" / "python").exists() else {}
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def write_stamp(steps: dict[str, str]) -> None:
    STAMP.write_text(json.dumps(read_stamp() | steps), encoding="utf-8")


# --- running and telling


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(what: str, command: Sequence[str], *, hint: str) -> None:
    """Run it with its output in the log, while the screen shows how far it is."""
    line = StatusLine(what)
    lines: list[str] = []
    with (
        LOG.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        ) as process,
        selectors.DefaultSelector() as selector,
    ):
        assert process.stdout
        log.write(f"\n$ {' '.join(command)}\n")
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=1):
                said = process.stdout.readline().decode(errors="replace")
                if not said:
                    break
                log.write(said)
                # pip warns of every oddity in its settings, for every package.
                if not said.startswith("WARNING"):
                    lines.append(said.strip())
            line.show(lines[-1] if lines else "")
    line.clear()
    if process.returncode:
        tail, whole = "\n".join(lines[-20:]), LOG.relative_to(CHECKOUT)
        raise CannotInstall(f"Failed: {what}.\n\n{tail}\n\nThe whole output: {whole}\n{hint}".rstrip())
    say(f"  ✓ {what} ({line.elapsed:.0f} s)")


class StatusLine:
    """One line that changes in place on a terminal; elsewhere a new line now and then."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._terminal = sys.stdout.isatty()
        self._started = self._shown = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def show(self, detail: str) -> None:
        if time.monotonic() - self._shown < (0.1 if self._terminal else 15):
            return
        self._shown = time.monotonic()
        text = f"  … {self._what} ({self.elapsed:.0f} s) {detail}"
        say(text[: shutil.get_terminal_size().columns - 1], start="\r\033[K" if self._terminal else "")

    def clear(self) -> None:
        if self._terminal:
            sys.stdout.write("\r\033[K")


def say(text: str, *, start: str = "") -> None:
    """`start` that goes back to the line's beginning keeps the next text on the same line."""
    sys.stdout.write(start + text + ("" if start else "\n"))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
