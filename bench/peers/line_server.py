"""A time-series database that takes InfluxDB's line protocol over HTTP."""

from dataclasses import dataclass, field
from pathlib import Path

from bench.http_load import ask, head
from bench.pace import Pace
from bench.records import Requests
from bench.shapes import Shape

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
    # What was tried: readings per second by readings a request.
    tried: dict[int, float] = field(default_factory=dict)

    async def best(self, shape: Shape, ids: range, start_ms: int, pace: Pace) -> float:
        """Readings per second, with as many readings a request as it likes best; trying that out warms it up."""
        connections = self._connections(shape, ids, start_ms)
        self.tried = {}
        for rows in ROWS if shape.rows > 1 else (1,):
            self.tried[rows] = await self._load(connections, rows, pace.probe)
        return await self._load(connections, max(self.tried, key=self.tried.__getitem__), pace.peer_seconds)

    def _connections(self, shape: Shape, ids: range, start_ms: int) -> list[Requests]:
        count = CONNECTIONS if shape.rows > 1 else CONNECTIONS_OF_SINGLES
        top = head("POST", self.path, f"{self.host}:{self.port}", {})
        return [Requests(TEMPLATE, top, shape, shape.groups(ids, number, count), start_ms) for number in range(count)]

    async def _load(self, connections: list[Requests], rows: int, seconds: float) -> float:
        before = sum(connection.taken for connection in connections)
        answers = await ask(self.host, self.port, [connection.of(rows) for connection in connections], seconds=seconds)
        return (sum(connection.taken for connection in connections) - before) / answers.seconds
