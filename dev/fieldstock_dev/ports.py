"""Ports: picked free once, kept in the home, picked again when somebody else has taken one meanwhile."""

import json
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from fieldstock_dev.errors import NoFreePort, PortInUse

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that lingers after its server has ended does not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def _ephemeral() -> range:
    """The ports that the kernel gives to outgoing connections: one of these may be taken at its server's next start."""
    file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    low, high = (
        (int(number) for number in file.read_text(encoding="ascii").split()) if file.exists() else (32_768, 60_999)
    )
    return range(low, high + 1)


class Ports:
    """The ports of one stack by name, e.g. `ports["postgres"]`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._numbers: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]

    def get(self, name: str) -> int | None:
        return self._numbers.get(name)

    def settle(
        self, names: Iterable[str], *, running: Iterable[str] = (), fixed: Mapping[str, tuple[int, str]] | None = None
    ) -> None:
        """Give each name a port that is free now.

        `running` are names whose own server listens there already, `fixed` those whose number and address are not ours
        to choose: one that is taken is a PortInUse.
        """
        kept, fixed = set(running), fixed or {}
        for name in names:
            number = self._numbers.get(name)
            if name in fixed:
                wanted, address = fixed[name]
                if not (name in kept and number == wanted) and not is_free(wanted, address):
                    raise PortInUse(port=wanted, address=address)
                self._numbers[name] = wanted
            elif number is None or (name not in kept and not is_free(number)):
                self._numbers[name] = self._pick()
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(self._numbers, indent=2) + "\n", encoding="utf-8")
        draft.replace(self._file)

    def _pick(self) -> int:
        """A free port, by chance: stacks that start at the same moment would pick the same next one."""
        whole, ephemeral = range(_LOWEST, _HIGHEST), _ephemeral()
        candidates = [port for port in whole if port not in ephemeral] or list(whole)
        taken = set(self._numbers.values())
        for port in random.sample(candidates, len(candidates)):
            if port not in taken and is_free(port):
                return port
        raise NoFreePort(address=LOOPBACK)
