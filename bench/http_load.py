"""HTTP requests as fast as a server answers them, with as little work as can be: the machine is shared with it."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from time import perf_counter
from typing import cast

import numpy as np

END_OF_HEAD, LENGTH = b"\r\n\r\n", b"content-length: "
GOOD = (b"HTTP/1.1 200", b"HTTP/1.1 201", b"HTTP/1.1 204")


@dataclass
class Answers:
    """What came back. `seconds`: of the whole run; `latencies`: of each request, in seconds."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    # What the first of those that failed was told.
    failure: bytes = b""
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Requests that succeeded, per second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Of the latencies."""
        return float(np.percentile(self.latencies, percent)) * 1000


class _Connection(asyncio.Protocol):
    """One request at a time over a connection that is kept alive."""

    def __init__(self, requests: Iterator[bytes], answers: Answers, until: float) -> None:
        self._requests, self._answers, self._until = requests, answers, until
        self._left = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._left += data
        end_of_head = self._left.find(END_OF_HEAD)
        if end_of_head < 0:
            return
        head = self._left[:end_of_head].lower()
        at = head.find(LENGTH)
        # An answer without content says no length.
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        end = end_of_head + len(END_OF_HEAD) + length
        if len(self._left) < end:
            return
        now = perf_counter()
        if self._left.startswith(GOOD):
            self._answers.latencies.append(now - self._sent)
        else:
            self._answers.failed += 1
            self._answers.failure = self._answers.failure or self._left[:end]
        self._left = self._left[end:]
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc:
            self.done.set_exception(exc)
        else:
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent = perf_counter()
        self._transport.write(next(self._requests))


def head(method: str, path: str, host: str, headers: Mapping[str, str]) -> bytes:
    """A request up to the empty line, which is still to come."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode()


async def ask(host: str, port: int, connections: Sequence[Iterator[bytes]], *, seconds: float) -> Answers:
    """Makes the requests of each connection one after another, for so many seconds.

    Raises ConnectionError when one breaks, RuntimeError when a request fails.
    """
    answers, began = Answers(), perf_counter()
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: _Connection(requests, answers, began + seconds), host, port))[1]  # noqa: B023 - called at once
        for requests in connections
    ]
    await asyncio.gather(*(connection.done for connection in opened))
    answers.seconds = perf_counter() - began
    if answers.failed:
        raise RuntimeError(f"{answers.failed} requests failed; the first: {answers.failure[:500].decode()}")
    return answers


async def get(host: str, port: int, path: str, headers: dict[str, str], *, connections: int, seconds: float) -> Answers:
    """Asks for one path over so many connections. Raises as `ask` does."""
    request = head("GET", path, f"{host}:{port}", headers) + END_OF_HEAD
    return await ask(host, port, [repeat(request)] * connections, seconds=seconds)
