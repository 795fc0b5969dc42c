"""The command line behind `make demo`, `up`, `down`, `restart`, `reset`, `status` and `logs`."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from fieldstock_dev.errors import DevError, NotRunning, UnknownPart
from fieldstock_dev.layout import SERVERS_CACHE
from fieldstock_dev.plan import EVERYTHING, WITH_DEVICES
from fieldstock_dev.progress import ConsoleProgress
from fieldstock_dev.servers.mongod import mongod
from fieldstock_dev.settings import CHECKOUT, settings_from_environment
from fieldstock_dev.stack import Stack
from fieldstock_dev.supervision import State
from fieldstock_dev.teardown import leftovers

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
# Wrapping would break URLs and paths apart, and colours of numbers say nothing.
console = Console(highlight=False, soft_wrap=True)
_COLOURS = {State.RUNNING: "green", State.STARTING: "yellow", State.BACKOFF: "red", State.FATAL: "red"}

ServiceName = Annotated[str | None, typer.Argument(help="One of them; without it, all.")]


def _stack(parts: Iterable[str] = EVERYTHING) -> Stack:
    settings = settings_from_environment()
    progress = ConsoleProgress(console)
    return Stack(CHECKOUT / settings.home, settings.port, tuple(parts), settings=settings, progress=progress)


@app.command()
def demo() -> None:
    """Bring everything up, with simulated devices."""
    stack = _stack(WITH_DEVICES)
    stack.up()
    _welcome(stack)


@app.command()
def up() -> None:
    """Bring everything up, without devices."""
    stack = _stack()
    stack.up()
    _welcome(stack)


@app.command()
def down() -> None:
    """End what was started. The data stays."""
    ended = _stack().down()
    console.print(f"Ended: {', '.join(ended)}." if ended else "Nothing was running.")


@app.command()
def restart(service: ServiceName = None) -> None:
    """End and start again."""
    stack = _stack()
    running = [name for name, process in stack.processes().items() if process.pid]
    if not running:
        raise NotRunning(part="Fieldstock")
    if service and service not in running:
        raise UnknownPart(part=service, known=", ".join(running))
    stack.restart(*([service] if service else running))


@app.command()
def reset() -> None:
    """End what was started and remove its data, logs and secrets."""
    stack = _stack()
    folder = stack.home.path
    stack.down()
    if not folder.exists():
        console.print(f"There is no {_short(folder)}: nothing to remove.")
        return
    size = sum(file.lstat().st_size for file in folder.rglob("*"))
    stack.home.remove()
    console.print(f"Removed {_short(folder)} ({decimal(size)}): databases, logs, ports and secrets.")
    settings = settings_from_environment()
    if settings.postgres_url or settings.mongodb_uri or settings.amqp_url:
        console.print("Servers that the environment names keep what they hold.")


@app.command()
def status() -> None:
    """What runs: process, state, pid, port, time since its start."""
    stack = _stack()
    processes = {name: process for name, process in stack.processes().items() if process.state is not State.STOPPED}
    if not processes:
        left = ", ".join(leftovers(stack.home))
        ended = f"The supervisor has ended and left behind: {left}. End it: make down"
        console.print(ended if left else "Nothing is running. Start it: make demo")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("process", "state", "pid", "port", "up for"):
        table.add_column(heading, justify="right" if heading in ("pid", "port", "up for") else "left")
    for name, process in sorted(processes.items(), key=lambda item: item[1].pid):
        colour = _COLOURS.get(process.state, "default")
        state = f"[{colour}]{process.state.lower()}[/]"
        table.add_row(
            name, state, str(process.pid or ""), str(stack.layout.ports.get(name) or ""), _duration(process.uptime)
        )
    console.print(table)
    console.print(f"\n{stack.base_url}  [dim]({_short(stack.home.path)})[/]")


@app.command()
def logs(service: ServiceName = None) -> None:
    """Follow the logs."""
    home = _stack().home
    known = sorted(home.logs.glob("*.log"))
    chosen = [log for log in known if service in (None, log.stem)]
    if not known:
        raise NotRunning(part="Fieldstock")
    if not chosen:
        raise UnknownPart(part=service, known=", ".join(log.stem for log in known))
    # By name, not by descriptor: the supervisor renames a log that has grown.
    os.execvp("tail", ("tail", "-n", "20" if len(chosen) > 1 else "200", "-F", *map(str, chosen)))


@app.command()
def fetch() -> None:
    """Fetch the servers that the system's package manager does not have."""
    if settings_from_environment().mongodb_uri is None:
        mongod(SERVERS_CACHE, ConsoleProgress(console).note)


def _welcome(stack: Stack) -> None:
    """What to type next. Not styled by width: people copy from it."""
    rows = (
        ("Dashboard", f"{stack.base_url}/", "in a browser"),
        ("REST", f"{stack.base_url}/", "try: curl " + f"{stack.base_url}/.well-known/jwks.json"),
        ("Socket.IO", f"{stack.base_url}/ws/monitoring", "websocket transport"),
        ("gRPC", stack.base_url.removeprefix("http://"), "plaintext; devices stream here"),
        ("Admin", stack.admin_username, ""),
        ("Password", stack.admin_password, ""),
    )
    console.print("\n[bold]Fieldstock is running.[/]\n")
    for label, value, remark in rows:
        console.print(f"  {label:<10} {value}" + (f"   [dim]{remark}[/]" if remark else ""), markup=True)
    console.print("\n  See what runs: make status    Follow the logs: make logs    Stop it: make down\n")


def _short(path: Path) -> str:
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


def _duration(seconds: float) -> str:
    if not seconds:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def main() -> None:
    try:
        app()
    except DevError as error:
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"\n{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
