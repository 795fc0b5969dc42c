"""`make bench`: measures on a stack of its own, prints a table, writes bench/results/latest.json.

`python -m bench NAME…` runs only the measurements whose name begins with one of them: `rest`, `ingest.batch100`.
"""

import importlib
import inspect
import json
import pkgutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

import bench
from fieldstock_dev.progress import Progress
from fieldstock_dev.stack import Stack

RESULTS = Path(__file__).parent / "results" / "latest.json"

Measurement = Callable[[Stack], Awaitable[dict[str, float]]]


def measurements() -> Iterator[tuple[str, Measurement]]:
    """Every measurement by its name: `module.function`."""
    for found in pkgutil.iter_modules(bench.__path__):
        module = importlib.import_module(f"bench.{found.name}") if found.name != "__main__" else None
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            takes, gives = inspect.signature(function).parameters, inspect.signature(function).return_annotation
            if function.__module__ == f"bench.{found.name}" and list(takes) == ["stack"] and gives == dict[str, float]:
                yield f"{found.name}.{name}", function


async def _measure(wanted: list[tuple[str, Measurement]], stack: Stack, console: Console) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, measure in wanted:
        console.print(f"  measuring {name} …")
        figures |= await measure(stack)
    return figures


def main(names: list[str]) -> None:
    """Raises SystemExit when nothing has such a name."""
    wanted = [(name, measure) for name, measure in measurements() if not names or name.startswith(tuple(names))]
    if not wanted:
        raise SystemExit(
            f"No measurement is called {' or '.join(names)}: {', '.join(name for name, _ in measurements())}"
        )
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="fieldstock-bench-") as home,
        Stack(Path(home), dies_with_its_maker=True, progress=Progress()) as stack,
    ):
        figures = uvloop.run(_measure(wanted, stack, console))
    table = Table("figure", "value")
    table.columns[1].justify = "right"
    for name, value in sorted(figures.items()):
        table.add_row(name, f"{value:,.0f}" if value >= 100 else f"{value:.3g}")
    console.print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    console.print(f"written to {RESULTS.relative_to(Path(__file__).parents[1])}")


if __name__ == "__main__":
    main(sys.argv[1:])
