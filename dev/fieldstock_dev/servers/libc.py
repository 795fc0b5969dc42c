"""A newer C library beside the system's own, for a program that needs one: Debian 13's, by the machine's own apt.

Nothing is installed and no setting of the machine is changed: apt is pointed at a source list, a list folder and a
cache of ours. Where to fetch from, through which proxy, and whose signature to trust is taken from the machine's own
configuration.
"""

import os
import platform
import shutil
import subprocess
import sysconfig
from pathlib import Path

from fieldstock_dev.errors import CommandFailed
from fieldstock_dev.part import base_environment

SUITE = "trixie"
MACHINE_LIBRARIES = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or 'x86_64-linux-gnu'}"
_DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def system_libc_version() -> tuple[int, ...]:
    return tuple(int(number) for number in platform.libc_ver()[1].split(".")[:2])


def loader(folder: Path) -> Path:
    """The dynamic loader of the library in `folder`; its siblings are the library."""
    return folder / "usr" / "lib" / "x86_64-linux-gnu" / "ld-linux-x86-64.so.2"


def fetch_libc(folder: Path) -> None:
    """Unpack libc6 of Debian 13 into `folder`. Fails with CommandFailed."""
    workshop = folder / "apt"
    for needed in ("lists/partial", "cache/archives/partial"):
        (workshop / needed).mkdir(parents=True)
    (workshop / "sources.list").write_text(_source(), encoding="utf-8")
    apt = (
        "apt-get",
        "--quiet=2",
        *("-o", f"Dir::Etc::SourceList={workshop / 'sources.list'}"),
        *("-o", "Dir::Etc::SourceParts=/dev/null"),
        *("-o", "Dir::Etc::Preferences=/dev/null"),
        *("-o", "Dir::Etc::PreferencesParts=/dev/null"),
        *("-o", f"Dir::State::Lists={workshop / 'lists'}"),
        *("-o", f"Dir::Cache={workshop / 'cache'}"),
        *("-o", "Acquire::Languages=none"),
        # Nothing to clean up after: hooks of the machine are for its own lists.
        *("-o", "APT::Update::Post-Invoke-Success::="),
    )
    if os.getuid() == 0:
        # As root, apt downloads as a user of its own, who may not enter a checkout below /root.
        apt = (*apt, "-o", "APT::Sandbox::User=root")
    _run(*apt, "update", folder=workshop)
    _run(*apt, "download", f"libc6/{SUITE}", folder=workshop)
    for package in workshop.glob("libc6_*.deb"):
        _run("dpkg", "-x", str(package), str(folder), folder=workshop)
    shutil.rmtree(workshop)
    if not loader(folder).exists():
        raise CommandFailed(what="Unpacking libc6", code=0, output=f"it holds no {loader(folder).name}")


def _source() -> str:
    """One line of a source list: the machine's own Debian archive with another suite."""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)"
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    lines = _run("apt-get", "indextargets", "Created-By: Packages", "--format", form, folder=Path("/")).splitlines()
    for uri, suite, component, signed_by in (line.split(" ", 3) for line in lines if line.count(" ") >= 3):
        if component == "main" and suite in (codename, "stable", "oldstable"):
            # apt leaves the placeholder as it is when the source names no keyring of its own.
            own = None if signed_by.startswith("$(") or not signed_by else signed_by
            keyring = own or (_DEBIAN_KEYRING if Path(_DEBIAN_KEYRING).exists() else None)
            signed = f"[signed-by={keyring}] " if keyring else ""
            return f"deb {signed}{uri} {SUITE} main\n"
    raise CommandFailed(
        what="apt-get indextargets", code=0, output=f"apt knows no Debian archive for {codename or 'this system'}"
    )


def _run(*command: str, folder: Path) -> str:
    try:
        ran = subprocess.run(
            command, cwd=folder, env={**os.environ, **base_environment()}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise CommandFailed(
            what=command[0], code=127, output="no such program; this needs Debian's apt and dpkg"
        ) from None
    if ran.returncode:
        raise CommandFailed(
            what=" ".join(command[:1]), code=ran.returncode, output=(ran.stderr or ran.stdout).strip()[-1_000:]
        )
    return ran.stdout
