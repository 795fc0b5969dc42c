"""Debian's InfluxDB 1.6, with every write on disk before it is answered: what ours does, too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from bench.peers.debian import program
from bench.peers.line_server import LineServer
from bench.peers.process import HOST, free_port, running

# Everything that is not said here is as it comes, but for two limits: 100,000 devices are one tag value more than it
# takes, and readings wait ten minutes in memory before they are written as they stay.
CONFIGURATION = """
reporting-disabled = true
bind-address = "{host}:{backup_port}"
[meta]
  dir = "{data}/meta"
[data]
  dir = "{data}/data"
  wal-dir = "{data}/wal"
  wal-fsync-delay = "0s"
  query-log-enabled = false
  max-series-per-database = 0
  max-values-per-tag = 0
  {extra}
[http]
  bind-address = "{host}:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
"""
DATABASE = "bench"
# So that what it stores can be weighed without waiting for hours.
SETTLES_SOON = """cache-snapshot-write-cold-duration = "1s"
  compact-full-write-cold-duration = "2s"
"""


@asynccontextmanager
async def influxdb(folder: Path, extra: str = "") -> AsyncIterator[LineServer]:
    """One with its data in a new folder of that one. `extra`: lines of its [data] section. Raises NoPeer."""
    data, port = folder / "influxdb", free_port()
    configuration = folder / "influxdb.conf"
    configuration.write_text(
        CONFIGURATION.format(host=HOST, port=port, backup_port=free_port(), data=data, extra=extra), encoding="utf-8"
    )
    command = (await program("influxd", "influxdb"), "run", "-config", str(configuration))
    url = f"http://{HOST}:{port}"
    async with running(command, f"{url}/ping", folder / "influxdb.log"):
        async with httpx.AsyncClient(base_url=url) as http:
            (await http.post("/query", data={"q": f"CREATE DATABASE {DATABASE}"})).raise_for_status()
        yield LineServer("influxdb", HOST, port, f"/write?db={DATABASE}&precision=ms", data)
