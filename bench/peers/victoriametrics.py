"""Debian's VictoriaMetrics, as it comes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.peers.debian import program
from bench.peers.line_server import LineServer
from bench.peers.process import HOST, free_port, running


@asynccontextmanager
async def victoriametrics(folder: Path) -> AsyncIterator[LineServer]:
    """One with its data in a new folder of that one. It answers once readings are in its memory; they are on disk some
    seconds later. Raises NoPeer."""
    data, port = folder / "victoriametrics", free_port()
    command = (
        await program("victoria-metrics", "victoria-metrics"),
        f"-storageDataPath={data}",
        f"-httpListenAddr={HOST}:{port}",
        # Of old readings the bytes are measured too.
        "-retentionPeriod=3",
    )
    async with running(command, f"http://{HOST}:{port}/health", folder / "victoriametrics.log"):
        yield LineServer("victoriametrics", HOST, port, "/write?precision=ms", data)
