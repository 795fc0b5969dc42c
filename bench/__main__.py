"""`make bench`: measures on a stack of its own, prints a table, writes bench/results/latest.json.

`python -m bench [--quick] [NAME…]` runs only the measurements whose name begins with one of them: `rest`,
`ingest.batch100`. One that fails leaves the others be; the run has failed then.
"""

import importlib
import inspect
import json
import pkgutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter

import uvloop
from rich.console import Console
from rich.table import Table

import bench
from bench.fleet import RECEIVERS
from bench.pace import FULL, QUICK, Pace
from fieldstock_dev.progress import Progress
from fieldstock_dev.settings import settings_from_environment
from fieldstock_dev.stack import Stack

RESULTS = Path(__file__).parent / "results" / "latest.json"

Measurement = Callable[[Stack, Pace], Awaitable[dict[str, float]]]


def measurements() -> Iterator[tuple[str, Measurement]]:
    """Every measurement by its name, `module.function`; those of a module in the order that they stand there."""
    for found in pkgutil.iter_modules(bench.__path__):
        if found.name == "__main__":
            continue
        functions = inspect.getmembers(importlib.import_module(f"bench.{found.name}"), inspect.iscoroutinefunction)
        for name, function in sorted(functions, key=lambda one: one[1].__code__.co_firstlineno):
            takes, gives = inspect.signature(function).parameters, inspect.signature(function).return_annotation
            own = function.__module__ == f"bench.{found.name}"
            if own and list(takes) == ["stack", "pace"] and gives == dict[str, float]:
                yield f"{found.name}.{name}", function


async def _measure(
    wanted: list[tuple[str, Measurement]], stack: Stack, pace: Pace, console: Console
) -> tuple[dict[str, float], list[str]]:
    """The figures, and the names of what could not be measured."""
    figures: dict[str, float] = {}
    failed: list[str] = []
    for name, measure in wanted:
        console.print(f"  {name}: {_what(measure)}")
        began = perf_counter()
        try:
            figures |= await measure(stack, pace)
        except Exception:  # noqa: BLE001 - whatever it was: it is shown, and what comes after it is measured
            console.print_exception()
            failed.append(name)
        console.print(f"    {perf_counter() - began:.0f} s")
    return figures, failed


def _what(measure: Measurement) -> str:
    """The first paragraph of what it says of itself, in a line."""
    return " ".join((inspect.getdoc(measure) or "").split("\n\n", 1)[0].split())


def main(words: list[str]) -> None:
    """Raises SystemExit when nothing has such a name, or something could not be measured."""
    names = [word for word in words if word != "--quick"]
    pace = QUICK if "--quick" in words else FULL
    wanted = [(name, measure) for name, measure in measurements() if not names or name.startswith(tuple(names))]
    if not wanted:
        raise SystemExit(
            f"No measurement is called {' or '.join(names)}: {', '.join(name for name, _ in measurements())}"
        )
    console = Console(highlight=False)
    console.print(
        f"{len(wanted)} measurements on a stack of its own, which ends with this. Most take a minute or two, those of "
        "ingest up to seven.\n"
        "Load, peers and databases share this machine; with more to do, it gives other figures."
    )
    # Telemetry as it runs where much comes in: one process that watches and folds, and some that only take readings.
    given = settings_from_environment().model_copy(update={"receivers": len(RECEIVERS)})
    # Whoever ends us ends what we have started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        tempfile.TemporaryDirectory(prefix="fieldstock-bench-") as home,
        Stack(Path(home), settings=given, dies_with_its_maker=True, progress=Progress()) as stack,
    ):
        figures, failed = uvloop.run(_measure(wanted, stack, pace, console))
    table = Table("figure", "value")
    table.columns[1].justify = "right"
    for name, value in sorted(figures.items()):
        table.add_row(name, f"{value:,.0f}" if value >= 100 else f"{value:.3g}")
    console.print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    console.print(f"written to {RESULTS.relative_to(Path(__file__).parents[1])}")
    if failed:
        raise SystemExit(f"Not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
