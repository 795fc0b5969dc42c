"""Debian's Chromium without a window, for tests, measurements and pictures of the page."""

import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from fieldstock_dev.errors import PartUnhealthy, ServerMissing
from fieldstock_dev.node import node

_FLAGS = (
    "--headless",
    # It shows our own page and no other; root, and many a container, cannot have the sandbox.
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
_PATIENCE_SECONDS = 60


@contextmanager
def chromium(profile: Path) -> Iterator[str]:
    """A running Chromium that keeps its files in the folder `profile`; the address at which it is driven.

    Fails with ServerMissing, PartUnhealthy.
    """
    program, guard = shutil.which("chromium"), shutil.which("setpriv")
    if program is None:
        raise ServerMissing(server="Chromium", problem="it is not on PATH", remedy="As root: apt-get install chromium")
    profile.mkdir(parents=True, exist_ok=True)
    log, told = profile / "chromium.log", profile / "DevToolsActivePort"
    # It ends with this process, also when that is killed.
    guarded = (guard, "--pdeathsig", "TERM", "--") if guard else ()
    with (
        log.open("wb") as said,
        subprocess.Popen(
            (*guarded, program, *_FLAGS, f"--user-data-dir={profile}"),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        ) as process,
    ):
        try:
            yield _address(process, told, log)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[bytes], told: Path, log: Path) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        lines = told.read_text(encoding="utf-8").split() if told.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.02)
    raise PartUnhealthy(part="Chromium", seconds=_PATIENCE_SECONDS, trouble="it told no address", log=log)


@asynccontextmanager
async def driven(address: str) -> AsyncIterator[Browser]:
    """Whoever drives it from this event loop."""
    # Playwright's driver brings a Node.js that wants libraries which a bare Debian has not; ours wants none.
    for program in node():
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", program)
    async with async_playwright() as playwright:
        yield await playwright.chromium.connect_over_cdp(address)
