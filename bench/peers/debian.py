"""A peer's program: the one on PATH, else Debian's, unpacked into build/peers. Nothing is installed on the machine."""

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

FETCHED = Path(__file__).parents[2] / "build" / "peers"


class NoPeer(Exception):
    """A peer that is not to be had here; the measurements go on without its lines."""


async def program(name: str, package: str) -> str:
    """Where a peer's program is, fetched if need be. Raises NoPeer."""
    return await asyncio.to_thread(_program, name, package)


def _program(name: str, package: str) -> str:
    if found := shutil.which(name):
        return found
    fetched = FETCHED / package / "usr" / "bin" / name
    if not fetched.exists():
        _fetch(package)
    if not fetched.exists():
        raise NoPeer(f"Debian's package {package} holds no {name}")
    return str(fetched)


def _fetch(package: str) -> None:
    FETCHED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FETCHED) as name:
        workshop = Path(name)
        # Lists of our own: the machine's may be empty, and are not ours to renew.
        (workshop / "lists" / "partial").mkdir(parents=True)
        options = (
            *("-o", f"Dir::State::Lists={workshop / 'lists'}"),
            *("-o", "Acquire::Languages=none"),
            *("-o", "APT::Update::Post-Invoke-Success::="),
            # As root, apt downloads as a user of its own, who may not enter this folder.
            *("-o", "APT::Sandbox::User=root"),
        )
        _run(workshop, "apt-get", "--quiet=2", *options, "update")
        _run(workshop, "apt-get", "--quiet=2", *options, "download", package)
        for packed in workshop.glob("*.deb"):
            _run(workshop, "dpkg", "-x", packed.name, "unpacked")
        if (workshop / "unpacked").exists():
            # Under its name only when all of it is there.
            (workshop / "unpacked").rename(FETCHED / package)


def _run(folder: Path, *command: str) -> None:
    try:
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoPeer(f"there is no {command[0]} to fetch it with") from None
    if ran.returncode:
        raise NoPeer(f"{command[0]}: {(ran.stderr or ran.stdout).strip()[-300:]}")
