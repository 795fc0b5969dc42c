"""`python -m fieldstock_device.simulate`: registers a fleet, deploys it, and lets it run."""

import asyncio
import logging
import os
import random
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated

import typer

from fieldstock_device.simulate.admin import Admin, Refused
from fieldstock_device.simulate.catalogue import Unit, unit
from fieldstock_device.simulate.enrolment import enrol, make_rules
from fieldstock_device.simulate.fleet import Fleet
from fieldstock_device.simulate.fleet_file import FleetFile

_log = logging.getLogger("fieldstock.simulate")


def main(
    password: Annotated[str, typer.Option(envvar="FIELDSTOCK_ADMIN_PASSWORD", help="Of the administrator.")],
    username: Annotated[str, typer.Option(envvar="FIELDSTOCK_ADMIN_USERNAME", help="An administrator.")] = "admin",
    url: Annotated[str, typer.Option(help="Where Fieldstock is.")] = "http://127.0.0.1:8080",
    devices: Annotated[int, typer.Option(min=1, help="How many devices.")] = 25,
    rate: Annotated[float, typer.Option(min=0.001, help="Readings a second, of each device.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same fleet, with the same fate.")] = 2,
    state: Annotated[
        Path | None,
        typer.Option(help="File that keeps the devices' credentials; without it they are made anew."),
    ] = None,
    status_every: Annotated[float, typer.Option(min=0.1, help="Seconds between status lines.")] = 10.0,
) -> None:
    """Registers, deploys and runs a fleet of simulated devices that drift, spike and drop out now and then."""
    # gRPC's own notes about connections that come and go.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stdout)
    _log.setLevel(logging.INFO)
    # Of many devices it would say much; what matters is in the status line.
    logging.getLogger("fieldstock.device").setLevel(logging.ERROR)

    try:
        file = FleetFile.load(state)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    units = [unit(index, seed) for index in range(devices)]
    admin = Admin(url, username, password, rng=random.Random())
    work = _simulate(admin, file, units, url=url, rate=rate, seed=seed, status_every=status_every)
    try:
        asyncio.run(_until_told(work))
    except Refused as refusal:
        _log.error("the server refuses: %s", refusal)
        raise typer.Exit(1) from refusal


async def _simulate(
    admin: Admin, file: FleetFile, units: Sequence[Unit], *, url: str, rate: float, seed: int, status_every: float
) -> None:
    async with admin:
        await enrol(admin, file, units)
        await make_rules(admin, file)
    fleet = Fleet(url, [(unit, file.devices[unit.index]) for unit in units], rate=rate, seed=seed)
    _log.info("running %d devices at %g readings a second each", len(units), rate)
    reporting = asyncio.create_task(_report(fleet, status_every))
    try:
        await fleet.run()
    finally:
        reporting.cancel()
        _log.info("%s", fleet.status())


async def _report(fleet: Fleet, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        _log.info("%s", fleet.status())


async def _until_told(work: Coroutine[None, None, None]) -> None:
    """Runs it until it ends, or until the process is told to end."""
    task = asyncio.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


if __name__ == "__main__":
    typer.run(main)
