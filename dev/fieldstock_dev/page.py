"""The dashboard's page, built from gateway/dashboard into build/dashboard, and checked, when its sources changed.

python -m fieldstock_dev.page [build|check]
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fieldstock_dev.errors import CommandFailed, DevError, ServerMissing
from fieldstock_dev.node import node, npm
from fieldstock_dev.part import fingerprint
from fieldstock_dev.settings import CHECKOUT

SOURCES = CHECKOUT / "gateway" / "dashboard"
BUILT = CHECKOUT / "build" / "dashboard"
"""What the gateway serves."""
_STAMPS = CHECKOUT / "build" / "dashboard-stamps"
_MODULES = SOURCES / "node_modules"


def build() -> None:
    """Fails with CommandFailed; then what was built before stays."""
    with _one_at_a_time():
        _install()
        if _is_done("built") and (BUILT / "index.html").exists():
            return
        _say("building the page")
        fresh = BUILT.with_name("dashboard-fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        _run("The build of the page", _tool("vite/bin/vite.js", "build", "--outDir", str(fresh), "--logLevel", "warn"))
        shutil.rmtree(BUILT, ignore_errors=True)
        fresh.rename(BUILT)
        _done("built")


def check() -> None:
    """Lint, format and types. Fails with CommandFailed."""
    with _one_at_a_time():
        _install()
        if _is_done("checked"):
            return
        _run("biome check in gateway/dashboard", (_biome(), "check", "--error-on-warnings", "."))
        _run("tsc in gateway/dashboard", _tool("typescript/bin/tsc", "--noEmit"))
        _done("checked")


def _install() -> None:
    """What the lock says, by its hashes."""
    wanted = fingerprint((SOURCES / "package-lock.json").read_bytes(), *node())
    stamp = _MODULES / ".fieldstock"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if not npm():
        raise ServerMissing(server="npm", problem="it is not on PATH", remedy="Install Node.js 20.19 or newer.")
    _say("installing the page's packages")
    _run("npm ci", (*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"))
    stamp.write_text(wanted, encoding="utf-8")


def _tool(script: str, *arguments: str) -> tuple[str, ...]:
    return (*node(), str(_MODULES / script), *arguments)


def _biome() -> str:
    """The program itself, which there is for Linux; its npm package wants those of all platforms at hand."""
    found = next((_MODULES / "@biomejs").glob("cli-*/biome"), None)
    if found is None:
        raise ServerMissing(server="biome", problem="there is none for this platform", remedy="Check on Linux.")
    return str(found)


def _run(what: str, words: Sequence[str]) -> None:
    done = subprocess.run(
        words,
        cwd=SOURCES,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandFailed(what=what, code=done.returncode, output=done.stdout)


def _sources() -> str:
    files = sorted(
        file for file in SOURCES.rglob("*") if file.is_file() and "node_modules" not in file.relative_to(SOURCES).parts
    )
    return fingerprint(*(part for file in files for part in (str(file.relative_to(SOURCES)), file.read_bytes())))


def _is_done(step: str) -> bool:
    stamp = _STAMPS / step
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _sources()


def _done(step: str) -> None:
    (_STAMPS / step).write_text(_sources(), encoding="utf-8")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two makes side by side would install into the same folder."""
    _STAMPS.mkdir(parents=True, exist_ok=True)
    with (_STAMPS / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _say(what: str) -> None:
    sys.stdout.write(f"  {what} …\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> None:
    try:
        {"build": build, "check": check}[words[0] if words else "build"]()
    except DevError as error:
        sys.exit(f"\n{error}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
