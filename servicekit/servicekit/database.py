"""PostgreSQL: one engine, transactions, and migrations that replicas may run at once."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from servicekit.errors import DatabaseUnavailable

POOL_SIZE, POOL_OVERFLOW = 10, 10
CONNECT_SECONDS = 5
# A host that vanished without a word is given up after about 20 s: by us, or a request would wait for its cap; by the
# server, or it would keep the locks of a replica that is no more for two hours.
KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3}
ACKNOWLEDGED_MS = 20_000
# A statement that takes longer is a mistake in it or in an index, and holds a connection of the pool.
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
# Of the migrations, in each service's own database.
LOCK = 0x6D696772
# The server is away or restarting, the pool is used up, a lock or a statement took too long.
PASSES = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
RETRY_SECONDS = 1.0


def patience(**settings: object) -> dict[str, Any]:
    """Arguments of a psycopg connection: how long both sides wait for what. `settings`: more of the server's."""
    settings |= {f"tcp_{name}": seconds for name, seconds in KEEPALIVE.items()}
    settings |= {"tcp_user_timeout": ACKNOWLEDGED_MS, "timezone": "UTC"}
    return {
        **KEEPALIVE,
        "tcp_user_timeout": ACKNOWLEDGED_MS,
        "connect_timeout": CONNECT_SECONDS,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }


class Database:
    """A service's own database."""

    def __init__(self, url: str) -> None:
        """`url`: postgresql://user:password@host:port/database."""
        self.engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=CONNECT_SECONDS,
            # Errors are logged, and parameters hold what a log must not: hashes, tokens, people.
            hide_parameters=True,
            connect_args=patience(statement_timeout=STATEMENT_TIMEOUT_MS, lock_timeout=LOCK_TIMEOUT_MS),
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        # Nothing is written but by a statement of its own: what is flushed here could not be taken back.
        self._single = async_sessionmaker(
            self.engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False, autoflush=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises DatabaseUnavailable for what passes by itself.
        """
        with _told_as_unavailable():
            async with self._sessions() as session, session.begin():
                yield session

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncSession]:
        """For statements that stand alone, each for itself: a transaction around one costs two round trips more.

        Raises DatabaseUnavailable for what passes by itself.
        """
        with _told_as_unavailable():
            async with self._single() as session:
                yield session


@contextmanager
def _told_as_unavailable() -> Iterator[None]:
    try:
        yield
    except PASSES as error:
        raise DatabaseUnavailable(retry_after=RETRY_SECONDS) from error


def migrate(url: str, scripts: Path) -> None:
    """Brings a database to the newest schema. Replicas that start together wait for each other."""
    engine = create_engine(sqlalchemy_url(url), connect_args=patience())
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            config = Config()
            config.set_main_option("script_location", str(scripts))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def sqlalchemy_url(url: str) -> str:
    """The URL with the driver that we use, whatever scheme it was given with."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
