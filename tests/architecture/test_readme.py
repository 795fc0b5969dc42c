"""What README tells by file names is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOLD = sorted(set(re.findall(r"`([\w/.-]+\.(?:py|proto|yaml|md))`", (ROOT / "README.md").read_text(encoding="utf-8"))))
GENERATED = {".venv", ".fieldstock", "build", "node_modules"}


@pytest.fixture(scope="module")
def files():
    return [f"/{path.relative_to(ROOT)}" for path in ROOT.glob("**/*") if not GENERATED & set(path.parts)]


def test_there_is_something_to_hold():
    assert len(TOLD) > 15


@pytest.mark.parametrize("name", TOLD)
def test_a_file_that_is_named_exists(files, name):
    assert any(file.endswith(f"/{name}") for file in files), f"README names {name}"
