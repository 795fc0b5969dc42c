"""The house holds its walls: who may import whom stands in .importlinter."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nobody_imports_whom_they_may_not():
    # A process of its own: the linter turns off every logger that there is.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_python_files_are_short_enough_to_be_about_one_noun():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ROOT.glob("*/**/*.py")
        if not {"gen", "tests", "node_modules"} & set(path.parts) and not path.is_relative_to(ROOT / ".venv")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}
