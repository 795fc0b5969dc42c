"""PostgreSQL: a private instance in the home, or one that was given."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from fieldstock_dev.errors import CommandFailed, ServerMissing
from fieldstock_dev.layout import USER, Layout
from fieldstock_dev.part import Ending, Launch, Layer, Part, base_environment

ACCOUNT = "postgres"
"""PostgreSQL refuses to run as root; root runs it as this account of Debian's package."""
DATABASES = ("fieldstock_auth", "fieldstock_inventory")


def postgres(layout: Layout) -> "Postgres":
    return GivenPostgres(layout) if layout.settings.postgres_url else LocalPostgres(layout)


class Postgres(Part):
    """Either kind: reached by its URL, and asked for the services' databases."""

    name = "postgres"
    layer = Layer.SERVERS

    def trouble(self) -> str | None:
        try:
            with psycopg.connect(self.layout.postgres_url, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            return str(error).strip()
        return None

    def settle(self) -> None:
        with psycopg.connect(self.layout.postgres_url, autocommit=True) as connection:
            existing = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for database in DATABASES:
                if database not in existing:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


class GivenPostgres(Postgres):
    """FIELDSTOCK_POSTGRES_URL: ours to use, not to run."""

    supervised = False
    patience = 10

    def trouble(self) -> str | None:
        refused = super().trouble()
        return f"FIELDSTOCK_POSTGRES_URL: {refused}" if refused else None


class LocalPostgres(Postgres):
    """A cluster in the home. TCP on loopback only: a socket's path below a deep home would be too long."""

    ports = ("postgres",)
    # INT is the fast shutdown: TERM would wait for every client to leave. The server tells its own processes itself.
    ending = Ending(signal="INT", seconds=30, group=False)

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._data = layout.home.data("postgres")

    def prepare(self) -> None:
        """Make the cluster; in a draft folder, so that one half made is never taken for whole."""
        programs = programs_folder()
        if (self._data / "PG_VERSION").exists():
            return
        draft = self._data.with_name("postgres.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = draft / "password"
        password.write_text(self.layout.credentials.postgres_password, encoding="utf-8")
        cluster = draft / "cluster"
        if os.getuid() == 0:
            account = _account()
            for path in (draft, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        command = (
            *_as_account(draft),
            str(programs / "initdb"),
            f"--pgdata={cluster}",
            f"--username={USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            # A cluster that a power cut spoils while it is new is simply made again.
            "--no-sync",
        )
        made = subprocess.run(command, cwd="/", env=base_environment(), capture_output=True, text=True, check=False)
        if made.returncode:
            raise CommandFailed(what="initdb", code=made.returncode, output=made.stderr.strip() or made.stdout.strip())
        cluster.rename(self._data)
        shutil.rmtree(draft)

    def launch(self) -> Launch:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.layout.ports["postgres"]),
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_line_prefix": "%m [%p] %q%d ",
            # As long as our services wait for a connection. Whoever is amid signing in keeps a database from being
            # dropped, also when it was interrupted there and will never go on: for a minute, by default.
            "authentication_timeout": "5s",
        }
        if self.layout.small:
            # Only a power cut could tell the difference: what is written survives the death of every process.
            options |= {"fsync": "off", "full_page_writes": "off"}
        flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
        return Launch(
            command=(*_as_account(self._data), str(programs_folder() / "postgres"), "-D", str(self._data), *flags),
            environment=base_environment(),
        )


def programs_folder() -> Path:
    """Where `initdb` and `postgres` are, newest version first. Fails with ServerMissing."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True
    )
    on_path = shutil.which("initdb")
    candidates = [*versions, *([Path(on_path).parent] if on_path else [])]
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerMissing(
        server="PostgreSQL",
        problem="there is no initdb in /usr/lib/postgresql/*/bin or on PATH",
        remedy="Install it (Debian: apt install postgresql), or give a server: FIELDSTOCK_POSTGRES_URL=postgresql://user:password@host/",
    )


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise ServerMissing(
            server="PostgreSQL's account",
            problem=f"PostgreSQL refuses to run as root, and there is no user {ACCOUNT} to run it as",
            remedy=f"Make it (adduser --system {ACCOUNT}), or run as a user other than root.",
        ) from None


def _as_account(folder: Path) -> tuple[str, ...]:
    """The words before a command that make it run as PostgreSQL's account, able to reach `folder`; none if not root."""
    if os.getuid() != 0:
        return ()
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    plain = (setpriv, f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--init-groups")
    # A checkout below /root cannot be entered by anybody else: this one capability carries the account through.
    able = (*plain, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    for words in (plain, able):
        if (
            subprocess.run((*words, "/usr/bin/stat", str(folder)), cwd="/", check=False, capture_output=True).returncode
            == 0
        ):
            return words
    raise ServerMissing(
        server="PostgreSQL's folder",
        problem=f"the user {ACCOUNT} cannot enter {folder}, and this machine does not let root grant it that",
        remedy="Set FIELDSTOCK_HOME to a folder that every user can enter, e.g. /var/tmp/fieldstock.",
    )
