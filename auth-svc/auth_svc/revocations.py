"""Which tokens, though in date, are good no more."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from auth_svc.models import Revocation
from auth_svc.repository import Transaction
from servicekit.errors import DatabaseUnavailable
from servicekit.paging import MAX_SIZE


class Revocations:
    """The newest revocation of every principal, for as long as it matters."""

    def __init__(self, transaction: Transaction, clock: Callable[[], datetime]) -> None:
        self._transaction = transaction
        self._clock = clock

    async def page(self, *, after: str, limit: int) -> Sequence[Revocation]:
        """At most `limit` of them in the order of their principals, from the one behind `after`."""
        async with self._transaction() as repository:
            return await repository.revocations(self._clock(), after, limit)

    async def all(self) -> AsyncIterator[tuple[str, float]]:
        """A servicekit.revocations.Source: what other services ask us, we ask ourselves."""
        after, more = "", True
        while more:
            try:
                page = await self.page(after=after, limit=MAX_SIZE)
            except DatabaseUnavailable as error:
                raise ConnectionError(str(error)) from error
            for revocation in page:
                yield revocation.principal, revocation.issued_before.timestamp()
                after = revocation.principal
            more = len(page) == MAX_SIZE
