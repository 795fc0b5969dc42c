"""What a handler of events is, and what it can say of them."""

from collections.abc import Awaitable, Callable, Sequence

from aio_pika.abc import AbstractIncomingMessage

from servicekit.event import Event


class Poison(Exception):
    """An event can never be handled. The message says why."""


class Outcomes(Exception):
    """What became of each event of a run, in order; None: it was handled, and does not come again."""

    def __init__(self, each: Sequence[BaseException | None]) -> None:
        super().__init__(f"{sum(one is not None for one in each)} of {len(each)} events were not handled")
        self.each = each


# Handles one event. Raises DecodeError for what can never be read, Poison for what can never be handled otherwise.
Handler = Callable[[Event], Awaitable[None]]
# Handles some, in order. Raises Outcomes where it knows what became of each. Whatever else it raises, for whichever of
# them, all of them may come again, then one by one.
RunHandler = Callable[[Sequence[Event]], Awaitable[None]]


async def handle(handler: RunHandler, delivery: AbstractIncomingMessage) -> None:
    """Handles one by itself. Raises what became of it."""
    try:
        await handler([Event.of_delivery(delivery)])
    except Outcomes as outcomes:
        raise outcomes.each[0] or outcomes from None
