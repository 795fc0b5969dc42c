import os
import stat
from pathlib import Path

import pytest

from fieldstock_dev.errors import ForeignHome
from fieldstock_dev.home import Home


def test_a_folder_with_somebody_elses_files_is_neither_claimed_nor_removed(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("dear")
    with pytest.raises(ForeignHome, match="FIELDSTOCK_HOME"):
        Home(tmp_path).claim()
    with pytest.raises(ForeignHome):
        Home(tmp_path).remove()
    assert list(tmp_path.iterdir()) == [letter]


def test_an_empty_folder_is_claimed_and_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.claim()
    (home.data("mongodb")).mkdir()
    home.remove()
    assert not home.path.exists()


def test_what_runs_is_nobody_elses_business(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.claim()
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.logs.stat().st_mode) == 0o700


def test_a_deep_home_gets_a_socket_whose_path_fits(tmp_path: Path) -> None:
    deep = Home(tmp_path.joinpath(*["a folder with a long name"] * 6))
    assert len(os.fsencode(deep.socket)) < 100
    assert deep.socket != Home(deep.path / "other").socket
