"""The streams of this replica, stirred by PostgreSQL's notices: these come to all replicas as a change is committed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import uuid4

import psycopg

from inventory_svc.errors import GoingDown, StreamReplaced, TooManyStreams
from servicekit.database import STATEMENT_TIMEOUT_MS, patience
from servicekit.errors import DatabaseUnavailable, ServiceError
from servicekit.logs import logger

CHANNEL = "device_settings"
# A stream holds about 30 kB.
MOST_STREAMS = 20_000
# A connection that died without a word is noticed after so long.
HEARTBEAT_SECONDS = 1.0
RETRY_SECONDS = 0.5
LISTEN_SECONDS = 5.0


class Watch:
    """One stream of one device."""

    def __init__(self, device_id: int) -> None:
        self.device_id = device_id
        self.id = uuid4().hex
        # Its own notice was sent, and came. Notices come to all in one order: those of other streams before it are of
        # older ones.
        self.sent = self.announced = False
        self._stirred = asyncio.Event()
        self._end: ServiceError | None = None

    async def stirred(self, within: float) -> bool:
        """True when there may be something new, False after `within` seconds. Raises what ended the stream."""
        try:
            async with asyncio.timeout(max(within, 0)):
                await self._stirred.wait()
        except TimeoutError:
            return False
        self._stirred.clear()
        if self._end is not None:
            raise self._end
        return True

    def stir(self) -> None:
        """Has the stream look again."""
        self._stirred.set()

    def end(self, why: ServiceError) -> None:
        """Ends the stream."""
        self._end = why
        self._stirred.set()


class Watches:
    """The newest stream of each device that is connected to this replica."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._watches: dict[int, Watch] = {}
        self._closed = False
        # Notices come to this replica.
        self.listening = asyncio.Event()

    @contextmanager
    def open(self, device_id: int) -> Iterator[Watch]:
        """A new stream; it ends the one before it. Raises TooManyStreams, GoingDown."""
        if self._closed:
            raise GoingDown
        if device_id not in self._watches and len(self._watches) >= self._most:
            raise TooManyStreams(retry_after=RETRY_SECONDS)
        self._replace(device_id)
        watch = self._watches[device_id] = Watch(device_id)
        try:
            yield watch
        finally:
            if self._watches.get(device_id) is watch:
                del self._watches[device_id]

    def notice(self, device_id: int, stream: str) -> None:
        """Something changed about a device; or, with `stream`, it opened that one on some replica."""
        watch = self._watches.get(device_id)
        if watch is None:
            return
        if not stream:
            watch.stir()
        elif stream == watch.id:
            watch.announced = True
        elif watch.announced:
            self._replace(device_id)

    def stir_all(self) -> None:
        """Has every stream look again, for nobody knows what it missed; its own notice may have been among that."""
        for watch in self._watches.values():
            watch.announced = watch.sent
            watch.stir()

    async def may_announce(self, watch: Watch) -> None:
        """Returns when notices come: a stream that is announced before would miss those of newer ones.

        Raises DatabaseUnavailable.
        """
        try:
            async with asyncio.timeout(LISTEN_SECONDS):
                await self.listening.wait()
        except TimeoutError:
            raise DatabaseUnavailable(retry_after=RETRY_SECONDS) from None
        watch.sent = True

    def close(self) -> None:
        """Ends all streams, and takes no new ones."""
        self._closed = True
        for watch in self._watches.values():
            watch.end(GoingDown())

    def _replace(self, device_id: int) -> None:
        watch = self._watches.pop(device_id, None)
        if watch is not None:
            watch.end(StreamReplaced(device_id=device_id))


@asynccontextmanager
async def noticing(postgres_url: str, watches: Watches) -> AsyncIterator[None]:
    """Brings PostgreSQL's notices to the watches while the block runs."""
    task = asyncio.create_task(_notice_forever(postgres_url, watches))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def ending(watches: Watches) -> Iterator[None]:
    """Ends all streams as the block ends, so that a server need not wait for them."""
    try:
        yield
    finally:
        watches.close()


async def _notice_forever(postgres_url: str, watches: Watches) -> None:
    while True:
        try:
            patient = patience(statement_timeout=STATEMENT_TIMEOUT_MS)
            async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True, **patient) as connection:
                await _notice(connection, watches)
        except psycopg.OperationalError as error:
            logger.warning("watches_database_away", error=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, no device hears of a change until it goes on
            logger.exception("watches_interrupted")
        await asyncio.sleep(RETRY_SECONDS)


async def _notice(connection: psycopg.AsyncConnection, watches: Watches) -> None:
    await connection.execute(f"LISTEN {CHANNEL}")
    watches.stir_all()
    watches.listening.set()
    try:
        while True:
            async for notice in connection.notifies(timeout=HEARTBEAT_SECONDS):
                device_id, _, stream = notice.payload.partition(" ")
                watches.notice(int(device_id), stream)
            async with asyncio.timeout(HEARTBEAT_SECONDS * 5):
                await connection.execute("SELECT 1")
    finally:
        watches.listening.clear()
