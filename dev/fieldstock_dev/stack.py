"""A stack: servers, services and Envoy of one home, brought up in order and ended in reverse.

    with Stack(home=tmp_path / "home", parts=("postgres", "mongodb", "rabbitmq"), small=True) as stack:
        connect(stack.postgres_url)

Every call blocks until what it says is true. A stack leaves others alone: its ports, data and supervisor are its own.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from fieldstock_dev.credentials import credentials_of
from fieldstock_dev.errors import NotRunning, PartUnhealthy, UnknownPart
from fieldstock_dev.home import Home
from fieldstock_dev.identity import Identity
from fieldstock_dev.layout import Layout
from fieldstock_dev.part import Ending, Part
from fieldstock_dev.plan import EVERYTHING, parts_of, with_needs
from fieldstock_dev.ports import Ports
from fieldstock_dev.progress import Progress
from fieldstock_dev.settings import Settings, settings_from_environment
from fieldstock_dev.startup import Startup
from fieldstock_dev.supervision import UP, Supervised, Supervisor
from fieldstock_dev.teardown import WATCHDOG, end_everything, end_leftovers


class Stack:
    """`port` is Envoy's (0 = any free one). `parts` bring along what they need. `small` gives the sizes of a test.

    A stack that `dies_with_its_maker` (a small one does, unless told otherwise) ends when the process that brought it
    up is gone, however that went.
    """

    def __init__(
        self,
        home: Path,
        port: int = 0,
        parts: Sequence[str] = EVERYTHING,
        *,
        settings: Settings | None = None,
        small: bool = False,
        dies_with_its_maker: bool | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.home = Home(home)
        self._wanted = tuple(parts)
        self._port = port
        self._settings = settings or settings_from_environment()
        self._small = small
        self._dies_with_its_maker = small if dies_with_its_maker is None else dies_with_its_maker
        self._progress = progress or Progress()
        self._supervisor = Supervisor(self.home)
        self._layout: Layout | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    # --- the life of a stack

    def up(self) -> None:
        """Bring all parts up, and end those that run and are not among them. What runs as it should is left alone.

        When a stack that did not run fails to come up, what had started is ended again.
        """
        with self.home.locked():
            self._bring_up(self._wanted, end_others=True)

    def start(self, *names: str) -> None:
        """Bring more parts up, with what they need."""
        with self.home.locked():
            self._bring_up(names, end_others=False)
        self._wanted = tuple(dict.fromkeys((*self._wanted, *names)))

    def stop(self, *names: str) -> None:
        """End these processes; `start` brings them back."""
        self._supervisor.stop_processes(names, max(self._part(name).ending.seconds for name in names))

    def down(self) -> list[str]:
        """End everything that runs in this home, whoever started it; the data stays. Returns what ended."""
        if not self.home.claimed:
            return []
        with self.home.locked():
            ended = end_everything(self.home)
        if self._watchdog:
            self._watchdog.wait()
            self._watchdog = None
        return ended

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def processes(self) -> dict[str, Supervised]:
        """The processes of this home, whoever started them; empty when nothing runs."""
        return self._supervisor.processes()

    # --- one part of it

    def pid(self, name: str) -> int:
        process = self.processes().get(name)
        if process is None or process.state not in UP or not process.pid:
            raise NotRunning(part=name)
        return process.pid

    def signal(self, name: str, signum: signal.Signals) -> None:
        """Signal the process and those that it started.

        SIGKILL: returns when it is gone; the supervisor starts it again.
        """
        pid = self.pid(name)
        identity = Identity.of(pid)
        os.killpg(pid, signum)
        if identity and signum == signal.SIGKILL:
            identity.wait(10)

    def restart(self, *names: str) -> None:
        """End them, start them with what their settings are now, and wait until they are healthy."""
        self.stop(*names)
        self.start(*names)

    def wait_healthy(self, name: str, seconds: float = 60) -> None:
        """Until the part can be used, e.g. after it was killed. Fails with PartUnhealthy."""
        part = self._part(name)
        deadline = time.monotonic() + seconds
        while trouble := part.trouble():
            if time.monotonic() > deadline:
                raise PartUnhealthy(part=name, seconds=seconds, trouble=trouble, log=self.home.log(name))
            time.sleep(0.05)

    def log(self, name: str) -> Path:
        return self.home.log(name)

    def environment(self, name: str) -> dict[str, str]:
        """The environment that a part's process gets, for a test that starts one more of the kind."""
        how = self._part(name).launch()
        return dict(how.environment) if how else {}

    # --- where everything is; known once the stack has been up

    @property
    def layout(self) -> Layout:
        """Also of a stack that another program brought up. Fails with NotRunning when this home never was."""
        if self._layout is None:
            if not self.home.credentials.exists():
                raise NotRunning(part=f"The stack of {self.home.path}")
            self._layout = self._read_layout()
        return self._layout

    @property
    def postgres_url(self) -> str:
        """A server whose user may create databases."""
        return self.layout.postgres_url

    @property
    def mongodb_uri(self) -> str:
        return self.layout.mongodb_uri

    @property
    def amqp_url(self) -> str:
        return self.layout.amqp_url

    @property
    def rabbitmq_management_url(self) -> str:
        """RabbitMQ's HTTP API, with an administrator's name and password in it."""
        return self.layout.rabbitmq_management_url

    @property
    def base_url(self) -> str:
        return self.layout.base_url

    @property
    def admin_username(self) -> str:
        return self.layout.credentials.admin_username

    @property
    def admin_password(self) -> str:
        return self.layout.credentials.admin_password

    def target(self, service: str) -> str:
        """`host:port` of a service, past Envoy."""
        return self.layout.target(service)

    def metrics_url(self, service: str) -> str:
        return f"http://{self.layout.metrics_target(service)}/metrics"

    # --- how

    def _read_layout(self) -> Layout:
        return Layout(
            home=self.home,
            ports=Ports(self.home.ports),
            credentials=credentials_of(self.home, self._settings),
            settings=self._settings,
            small=self._small,
        )

    def _part(self, name: str) -> Part:
        parts = parts_of(self.layout)
        if name not in parts:
            raise UnknownPart(part=name, known=", ".join(parts))
        return parts[name]

    def _bring_up(self, names: Sequence[str], *, end_others: bool) -> None:
        self._layout = self._read_layout()
        parts = parts_of(self._layout)
        wanted = with_needs(parts, names)
        was_running = self._supervisor.running
        running = {name for name, process in self.processes().items() if process.state in UP}
        if not was_running:
            end_leftovers(self.home)
        if end_others and (others := running - {part.name for part in wanted}):
            # A replica too many is no part of this stack any more.
            patience = max((parts[name].ending.seconds for name in others if name in parts), default=Ending().seconds)
            self._supervisor.stop_processes(others, patience)
        self._layout.ports.settle(
            [port for part in wanted for port in part.ports],
            running={port for part in wanted if part.name in running for port in part.ports},
            fixed={"envoy": (self._port, self._settings.bind)} if self._port else {},
        )
        self._supervisor.start(part for part in parts.values() if part.supervised)
        if self._dies_with_its_maker and not was_running:
            self._watch_over_the_maker()
        try:
            Startup(wanted, self._supervisor, self.home, self._progress).run()
        except BaseException:
            if not was_running:
                end_everything(self.home)
            raise

    def _watch_over_the_maker(self) -> None:
        maker = Identity.of(os.getpid())
        if maker is None:
            return
        arguments = (str(self.home.path), str(maker.pid), str(maker.start))
        with self.home.log(WATCHDOG).open("ab") as log:
            # In a session of its own: what kills the maker's terminal or group must not reach it.
            self._watchdog = subprocess.Popen(
                (sys.executable, "-m", "fieldstock_dev.watchdog", *arguments),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        watchdog = Identity.of(self._watchdog.pid)
        if watchdog:
            watchdog.write(self.home.identity(WATCHDOG))
