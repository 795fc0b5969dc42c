"""What one sender does wrong is its own loss."""

from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]


async def test_rows_that_are_refused_use_up_no_names_of_metrics(
    inventory: Any, device: Any, gateway: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    strangers = [
        batch(1 + first // 50, [0], device=999, **{f"m{number}": [1.0] for number in range(first, first + 50)})
        for first in range(0, 1000, 50)
    ]
    summary = await gateway.send(*strangers)
    assert (summary.accepted_rows, summary.rejected_rows) == (0, 20)
    assert (await device.send(batch(1, [0], temperature=[21.5]))).accepted_rows == 1


async def test_more_rows_than_milliseconds_do_not_run_ahead_of_the_clock(
    inventory: Any, device: Any, admin: Any, clock: Any, batch: Make
) -> None:
    await inventory.deploy(7)
    rows = 10_000
    flood = [batch(number, [0] * rows, temperature=[1.0] * rows) for number in range(1, 36)]
    summary = await device.send(*flood)
    assert [one.reason for one in summary.rejections] == ["TIME_IN_FUTURE"]
    clock.move(1)
    await admin.create(7, {"temperature": 2.0})
    assert (await device.send(batch(1, [0], temperature=[3.0]))).accepted_rows == 1
