"""What waits to be read by one client, and what is written of it."""

import asyncio
from typing import Any

import pytest

from gateway.mailbox import Letter, Mailbox
from gateway.settings import Limits
from gateway.testing import PATIENCE
from servicekit.testing import eventually


class Narrow:
    """A wire that takes one frame each time the test lets it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self._room = 0
        self._more = asyncio.Event()
        self.is_cut = False

    def write_now(self, frame: bytes) -> bool:
        if not self._room:
            return False
        self._room -= 1
        self.written.append(frame)
        return True

    async def write(self, frame: bytes) -> None:
        while not self.write_now(frame):
            self._more.clear()
            await self._more.wait()

    async def let_through(self, frames: int) -> list[bytes]:
        self._room += frames
        self._more.set()

        async def through() -> bool:
            return len(self.written) >= frames

        await eventually(through)
        return self.written

    def cut(self) -> None:
        self.is_cut = True


@pytest.fixture
def narrow() -> Any:
    return Narrow()


async def test_alerts_go_first_and_of_readings_the_newest_of_each_device(narrow: Any):
    mailbox = Mailbox(narrow, Limits(), lambda: None)
    for reading in (b"7: 20", b"7: 21", b"8: 5", b"7: 22"):
        mailbox.put_reading(int(reading[:1]), reading)
    for alert in (b"first", b"second", b"third"):
        mailbox.put(alert)
    assert await narrow.let_through(5) == [b"first", b"second", b"third", b"7: 22", b"8: 5"]


async def test_of_frames_with_one_key_the_newest_is_kept_in_its_own_place(narrow: Any):
    mailbox = Mailbox(narrow, Limits(), lambda: None)
    mailbox.put(b"7 offline", ("presence", 7))
    mailbox.put(b"8 offline", ("presence", 8))
    mailbox.put(b"7 online", ("presence", 7))
    assert await narrow.let_through(2) == [b"8 offline", b"7 online"]


async def test_who_catches_up_in_time_is_not_behind(narrow: Any):
    behind = asyncio.Event()
    mailbox = Mailbox(narrow, Limits(backlog=3, backlog_seconds=0.3), behind.set)
    for number in range(6):
        mailbox.put(b"%d" % number)
    await narrow.let_through(4)
    for _ in range(3):
        mailbox.put(b"later")
    # It was behind before as well; only the time since it is behind again counts.
    started = asyncio.get_running_loop().time()
    await asyncio.wait_for(behind.wait(), PATIENCE)
    assert asyncio.get_running_loop().time() - started > 0.25


async def test_who_is_far_behind_is_not_given_the_time(narrow: Any):
    behind = asyncio.Event()
    mailbox = Mailbox(narrow, Limits(backlog=3, backlog_seconds=3600), behind.set)
    for number in range(31):
        mailbox.put(b"%d" % number)
    mailbox.put(b"one more")
    assert mailbox.waiting == 31
    await asyncio.wait_for(behind.wait(), PATIENCE)


async def test_who_is_far_behind_in_bytes_is_not_given_the_time_either(narrow: Any):
    behind = asyncio.Event()
    mailbox = Mailbox(narrow, Limits(backlog_bytes=1000, backlog_seconds=3600), behind.set)
    for _ in range(10):
        mailbox.put(bytes(1000))
    mailbox.put(b"kept")
    mailbox.put(b"one more")
    assert mailbox.waiting == 11
    await asyncio.wait_for(behind.wait(), PATIENCE)


async def test_what_was_replaced_or_written_does_not_count_as_waiting(narrow: Any):
    behind = asyncio.Event()
    mailbox = Mailbox(narrow, Limits(backlog_bytes=1000, backlog_seconds=3600), behind.set)
    for _ in range(100):
        mailbox.put(bytes(1000), "snapshot")
    await narrow.let_through(1)
    for _ in range(100):
        mailbox.put(bytes(1000), "snapshot")
    assert mailbox.waiting == 1
    assert not behind.is_set()
    await narrow.let_through(2)


async def test_what_there_is_room_for_is_written_at_once(narrow: Any):
    mailbox = Mailbox(narrow, Limits(), lambda: None)
    await narrow.let_through(0)
    narrow._room = 2
    mailbox.put(b"an alert")
    mailbox.put_reading(7, b"a reading")
    assert narrow.written == [b"an alert", b"a reading"]


async def test_a_letter_is_one_write_where_there_is_room_for_it(narrow: Any):
    mailbox = Mailbox(narrow, Limits(), lambda: None)
    narrow._room = 1
    mailbox.put_all(Letter([(b"first,", None), (b"second", None)]))
    assert narrow.written == [b"first,second"]


async def test_a_letter_that_has_to_wait_is_the_frames_it_was_made_of(narrow: Any):
    mailbox = Mailbox(narrow, Limits(), lambda: None)
    mailbox.put_all(Letter([(b"7 offline", ("presence", 7)), (b"an alert", None)]))
    mailbox.put_all(Letter([(b"7 online", ("presence", 7)), (b"another", None)]))
    assert mailbox.waiting == 3
    assert await narrow.let_through(3) == [b"an alert", b"7 online", b"another"]
