"""GET requests as fast as a server answers them, with as little work as can be: the machine is shared with it."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

import numpy as np

END_OF_HEAD, LENGTH = b"\r\n\r\n", b"content-length: "


@dataclass
class Answers:
    """What came back. `seconds`: of the whole run; `latencies`: of each request, in seconds."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Requests that were answered with 200, per second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Of the latencies."""
        return float(np.percentile(self.latencies, percent)) * 1000


class _Connection(asyncio.Protocol):
    """One request at a time over a connection that is kept alive."""

    def __init__(self, request: bytes, answers: Answers, until: float) -> None:
        self._request, self._answers, self._until = request, answers, until
        self._left = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._left += data
        head = self._left.find(END_OF_HEAD)
        if head < 0:
            return
        at = self._left.index(LENGTH) + len(LENGTH)
        end = head + len(END_OF_HEAD) + int(self._left[at : self._left.index(b"\r\n", at)])
        if len(self._left) < end:
            return
        now = perf_counter()
        if self._left.startswith(b"HTTP/1.1 200"):
            self._answers.latencies.append(now - self._sent)
        else:
            self._answers.failed += 1
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
        self._transport.write(self._request)


async def get(host: str, port: int, path: str, headers: dict[str, str], *, connections: int, seconds: float) -> Answers:
    """Asks for a path over so many connections, for so many seconds. Raises ConnectionError when one breaks."""
    lines = [f"GET {path} HTTP/1.1", f"host: {host}:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    answers, began = Answers(), perf_counter()
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: _Connection(request, answers, began + seconds), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in opened))
    answers.seconds = perf_counter() - began
    return answers
