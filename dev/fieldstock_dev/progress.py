"""What a person sees while a stack comes up."""

import threading
import time
from collections.abc import Iterable
from typing import Self

from rich.console import Console
from rich.status import Status


class Progress:
    """Says nothing; what tests want."""

    def begin(self, names: Iterable[str]) -> None:
        """These parts are about to be brought up."""

    def note(self, text: str) -> None:
        """Something that takes a while begins."""

    def done(self, name: str) -> None:
        """This part is healthy."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class ConsoleProgress(Progress):
    """A line for each part that is healthy and, on a terminal, a last line with those that are awaited."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pending: list[str] = []
        self._since = time.monotonic()
        self._status: Status | None = None
        # Parts come up in threads of their own.
        self._lock = threading.Lock()

    def begin(self, names: Iterable[str]) -> None:
        with self._lock:
            self._pending = list(names)
            self._since = time.monotonic()
            if not self._pending:
                return
            if self._console.is_terminal:
                self._status = self._console.status(self._awaited)
                self._status.start()
            else:
                self._console.print(self._awaited)

    def note(self, text: str) -> None:
        with self._lock:
            self._console.print(f"  [dim]…[/] {text}")

    def done(self, name: str) -> None:
        with self._lock:
            if name not in self._pending:
                return
            self._pending.remove(name)
            self._console.print(f"  [green]✓[/] {name} [dim]({time.monotonic() - self._since:.1f} s)[/]")
            if self._status:
                self._status.update(self._awaited)

    @property
    def _awaited(self) -> str:
        return f"waiting for {', '.join(self._pending)}"

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._status:
                self._status.stop()
                self._status = None
