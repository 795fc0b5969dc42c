"""What every piece of a stack has in common."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from fieldstock_dev.layout import Layout


class Layer(IntEnum):
    """A stack ends from the top down, layer by layer, so that nobody loses what it stands on."""

    GROUND = 0
    SERVERS = 1
    SERVICES = 2
    EDGE = 3
    DEVICES = 4


@dataclass(frozen=True)
class Ending:
    """How a process is asked to end."""

    signal: str = "TERM"
    seconds: int = 20
    """After which it is killed."""
    group: bool = True
    """Whether the processes that it started are told as well; some servers tell their own, in their own order."""


@dataclass(frozen=True)
class Launch:
    """How a process starts. Exactly this environment, so that a stack runs alike from every shell."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path("/")
    fingerprint: str = ""
    """Of what the process reads when it starts (configuration, code): when it changes, `up` starts the process anew."""


class Part:
    """One process of the stack, or a step on the way (a migration), or a server that was given from outside.

    A part starts once all that it `needs` are healthy: `prepare`, then its process (if it has one), then `trouble`
    until there is none, then `settle`.
    """

    name: str
    needs: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    layer: Layer = Layer.SERVICES
    ending: Ending = Ending()
    supervised: bool = True
    """False for what has no process here: a step on the way, or a server given from outside."""
    patience: float = 90
    """Seconds from the start of its process until it must be healthy."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def prepare(self) -> None:
        """What must be there before the process starts: data folders, configuration. Repeated at every start."""

    def launch(self) -> Launch:
        """How the process starts. Asked of supervised parts alone."""
        raise NotImplementedError(f"{self.name} has no process")

    def trouble(self) -> str | None:
        """Why it cannot be used yet, None once it can."""
        return None

    def settle(self) -> None:
        """What it must be told once it answers: databases to create, a replica set to form. Repeated at every `up`."""


def fingerprint(*contents: str | bytes) -> str:
    """Short and equal for equal contents."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content.encode() if isinstance(content, str) else content)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def base_environment(**more: str) -> dict[str, str]:
    """What every process gets: where programs are found, a home, one language and clock."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        **more,
    }
