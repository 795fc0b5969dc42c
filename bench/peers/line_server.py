"""A time-series database that takes InfluxDB's line protocol over HTTP."""

from dataclasses import dataclass, field
from pathlib import Path

from bench.http_load import ask, head
from bench.pace import Pace
from bench.records import Requests
from bench.shapes import Shape
from bench.sides import liked_best

TEMPLATE = b"readings,device=DDDDDD temperature=VV.V,humidity=VV.V,load=VV.V TTTTTTTTTTTTT\n"
# Tried in every run, each for a moment: a peer is measured with what it likes best on this machine. More connections
# than two cores can serve made both slower; for one reading a request they want many.
ROWS, CONNECTIONS = (500, 1_000, 3_000, 10_000), 4
CONNECTIONS_OF_SINGLES = 50


@dataclass
class LineServer:
    """Where it listens, the path that takes lines, and the folder of its data."""

    name: str
    host: str
    port: int
    path: str
    data: Path
    # Readings a request that it likes best.
    _best: int = 1
    _connections: list[Requests] = field(default_factory=list)

    async def choose(self, shape: Shape, ids: range, start_ms: int, pace: Pace) -> None:
        """Tries how many readings a request it likes best, which warms it up."""
        count = CONNECTIONS if shape.rows > 1 else CONNECTIONS_OF_SINGLES
        top = head("POST", self.path, f"{self.host}:{self.port}", {})
        groups = [shape.groups(ids, number, count) for number in range(count)]
        self._connections = [Requests(TEMPLATE, top, shape, own, start_ms) for own in groups]
        self._best = await liked_best(ROWS if shape.rows > 1 else (1,), self._take, pace.probe)

    async def take(self, seconds: float) -> tuple[float, float]:
        """Sends as it likes it best for so long; how many readings it took, in how many seconds."""
        return await self._take(self._best, seconds)

    async def _take(self, rows: int, seconds: float) -> tuple[float, float]:
        before = sum(connection.taken for connection in self._connections)
        requests = [connection.of(rows) for connection in self._connections]
        answers = await ask(self.host, self.port, requests, seconds=seconds)
        return sum(connection.taken for connection in self._connections) - before, answers.seconds
