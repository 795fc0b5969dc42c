"""What the machine and its processes are doing."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

# What a database still has to do after it was measured, a fold say, is not to slow the next one down; but a machine
# with other things to do is never quiet.
QUIET_SHARE, LOOK_SECONDS, PATIENCE_SECONDS = 0.25, 0.5, 90.0


async def quiet() -> None:
    """Returns when the machine has next to nothing to do, or after a while."""
    deadline = perf_counter() + PATIENCE_SECONDS
    busy = 1.0
    while busy > QUIET_SHARE and perf_counter() < deadline:
        before = _ticks()
        await asyncio.sleep(LOOK_SECONDS)
        idle, total = (now - then for now, then in zip(_ticks(), before, strict=True))
        busy = 1 - idle / max(total, 1)


@contextmanager
def no_pauses() -> Iterator[None]:
    """While the block runs, Python does not search this process for cycles: its own pauses are not to be measured."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _ticks() -> tuple[int, int]:
    """Of all cores: idle (or waiting for a disk), and all."""
    fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    return fields[3] + fields[4], sum(fields)


def rss_bytes(pid: int) -> int:
    """What a process holds in memory. Raises FileNotFoundError when it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no memory")


def stored_bytes(folder: Path) -> int:
    """What the files below a folder take on the disk: some databases make large ones with nothing in them."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
