"""The house holds its walls: who may import whom stands in .importlinter."""

from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]


def test_nobody_imports_whom_they_may_not(capsys):
    code = lint_imports(config_filename=str(ROOT / ".importlinter"), no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_python_files_are_short_enough_to_be_about_one_noun():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ROOT.glob("*/**/*.py")
        if not {"gen", "tests", "node_modules"} & set(path.parts) and not path.is_relative_to(ROOT / ".venv")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}
