"""`python -m fieldstock_device`: sends what comes in on standard input, for devices that speak in lines."""

import asyncio
import logging
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from fieldstock_device.client import DeviceClient, State
from fieldstock_device.columns import InvalidReading
from fieldstock_device.disk_spool import DiskSpool, SpoolInUse
from fieldstock_device.spool import ForeignSpool

_log = logging.getLogger("fieldstock.device")

# Read before they are recorded: beyond, the pipe waits, and a large file does not become memory.
_LINES = 1_000

# Between two attempts at a line that the disk does not take.
_PAUSE_S = 1.0


def main(
    serial: Annotated[str, typer.Option(envvar="FIELDSTOCK_DEVICE_SERIAL", help="The device's serial number.")],
    secret: Annotated[str, typer.Option(envvar="FIELDSTOCK_DEVICE_SECRET", help="Told when it was registered.")],
    url: Annotated[str, typer.Option(help="Where Fieldstock is.")] = "http://127.0.0.1:8080",
    spool: Annotated[
        Path | None,
        typer.Option(envvar="FIELDSTOCK_DEVICE_SPOOL", help="Folder for readings not acknowledged yet; else memory."),
    ] = None,
) -> None:
    """Sends a reading for each line of `metric=value` pairs, until the input ends."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        acknowledged, left = asyncio.run(_send(url, serial, secret, spool))
    except SpoolInUse:
        typer.echo(f"another process sends from {spool}", err=True)
        raise typer.Exit(2) from None
    except ForeignSpool as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{acknowledged} readings acknowledged, {left} not", err=True)
    if left:
        raise typer.Exit(1)


async def _send(url: str, serial: str, secret: str, folder: Path | None) -> tuple[int, int]:
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    room = threading.Semaphore(_LINES)

    def read() -> None:
        for line in sys.stdin:
            room.acquire()
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    # A daemon: nothing can interrupt a thread that waits for a line, and the process must end all the same.
    threading.Thread(target=read, daemon=True).start()

    def report(state: State) -> None:
        _log.info("%s is %s", serial, state.replace("_", " "))

    with ExitStack() as stack:
        spool = stack.enter_context(DiskSpool(folder)) if folder else None
        async with DeviceClient(url, serial_number=serial, secret=secret, spool=spool, on_state=report) as device:
            while line := await lines.get():
                room.release()
                if line.isspace():
                    continue
                try:
                    await _record(device, _reading(line))
                except InvalidReading as error:
                    _log.warning("passed over %r: %s", line.strip(), error)
        return device.counters.acknowledged, device.pending


async def _record(device: DeviceClient, reading: dict[str, float]) -> None:
    """Tries until the disk takes it: those that wait behind it would be lost with this process."""
    waits = False
    while True:
        try:
            return await device.record(reading)
        except OSError as error:
            if not waits:
                _log.warning("the disk takes no reading, they wait: %s", error)
            waits = True
        await asyncio.sleep(_PAUSE_S)


def _reading(line: str) -> dict[str, float]:
    reading: dict[str, float] = {}
    for pair in line.split():
        metric, _, value = pair.partition("=")
        try:
            reading[metric] = float(value)
        except ValueError as error:
            raise InvalidReading(f"{pair!r} is not metric=value") from error
    return reading


if __name__ == "__main__":
    typer.run(main)
