"""The spool on a disk that fails: what it says it dropped is all that is lost."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch, Series
from fieldstock_device import DiskSpool


class Disk:
    """Fails what it is told to, with that error; what is written to it in part fails after half."""

    def __init__(self) -> None:
        self.failing: dict[str, int] = {}
        self.in_part = self.is_full_until_a_file_goes = False
        self._write = os.write

    def meet(self, what: str) -> None:
        if what == "unlink" and self.is_full_until_a_file_goes:
            self.failing.clear()
        if what in self.failing:
            raise OSError(self.failing[what], os.strerror(self.failing[what]))

    def failing_when_told(self, what: str, does: Callable) -> Callable:
        def may_fail(*arguments: object, **options: object) -> object:
            self.meet(what)
            return does(*arguments, **options)

        return may_fail

    def write(self, file: int, content: bytes) -> int:
        if "write" in self.failing and self.in_part:
            self.in_part = False
            return self._write(file, content[: len(content) // 2])
        self.meet("write")
        return self._write(file, content)


@pytest.fixture
def disk(monkeypatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(os, "write", disk.write)
    for module, name in ((os, "fdatasync"), (os, "ftruncate"), (Path, "unlink")):
        monkeypatch.setattr(module, name, disk.failing_when_told(name, getattr(module, name)))
    yield disk
    disk.failing.clear()


def batch(*values: float) -> ReadingBatch:
    return ReadingBatch(time_ms=[1] * len(values), series=[Series(metric="temperature", values=values)])


def kept(spool: DiskSpool) -> list[float]:
    """Values, each batch of them under a sequence of its own."""
    values, last = [], 0
    while (spooled := spool.after(last)) is not None:
        assert spooled.sequence > last
        last = spooled.sequence
        values += ReadingBatch.FromString(spooled.columns).series[0].values
    return values


def many(folder: Path) -> DiskSpool:
    """A hundred readings, in more than ten segments."""
    spool = DiskSpool(folder, max_bytes=8 * 1024)
    for value in range(100):
        assert spool.append(batch(value)) == 0
    assert len(list(folder.glob("*.segment"))) > 10
    return spool


def take(spool: DiskSpool, value: float) -> int:
    """What a client does with a batch of one reading."""
    spool.hold(int(value), {"temperature": value})
    return spool.append(batch(value))


def reopened(folder: Path, as_: Path) -> list[float]:
    """What a process would find that is started after one which is killed now."""
    shutil.copytree(folder, as_)
    with DiskSpool(as_) as spool:
        values = kept(spool)
        assert spool.rows == len(values)
        spool.append(batch(99))
        assert kept(spool) == [*values, 99]
        return values


FAILURES = [({"fdatasync": errno.EIO}, False), ({"write": errno.EIO}, False), ({"write": errno.ENOSPC}, True)]


@pytest.mark.parametrize("failing, in_part", FAILURES)
def test_a_batch_that_the_disk_does_not_take_is_not_in_the_way_of_the_next(tmp_path, disk, failing, in_part):
    folder = tmp_path / "spool"
    with DiskSpool(folder) as spool:
        assert take(spool, 1) == 0
        spool.hold(2, {"temperature": 2})
        disk.failing, disk.in_part = failing.copy(), in_part
        assert spool.append(batch(2)) == 1
        disk.failing.clear()
        assert (kept(spool), spool.rows) == ([1], 1)
        assert take(spool, 3) == 0
        assert (kept(spool), spool.rows) == ([1, 3], 2)
        assert reopened(folder, tmp_path / "killed") == [1, 3]
        # No batch had that number, and none is taken for it.
        assert (spool.release(2), spool.rows) == (0, 2)
        assert spool.release(99) == 2
        assert (spool.rows, spool.after(0)) == (0, None)


@pytest.mark.parametrize("failing, in_part", FAILURES)
def test_a_batch_that_cannot_even_be_cut_off_keeps_its_number(tmp_path, disk, failing, in_part):
    folder = tmp_path / "spool"
    # Whole in the file, it is sent by the process that finds it, though it was counted as dropped.
    found = [2] if "fdatasync" in failing else []
    with DiskSpool(folder) as spool:
        take(spool, 1)
        spool.hold(2, {"temperature": 2})
        disk.failing, disk.in_part = {**failing, "ftruncate": errno.EIO}, in_part
        assert spool.append(batch(2)) == 1
        assert (kept(spool), spool.rows) == ([1], 1)
        disk.failing.clear()
        # The rows of what follows are those of another batch, whichever of the two it is that is found.
        spool.hold(3, {"temperature": 3})
        assert reopened(folder, tmp_path / "killed") == [1, *found, 3]
        assert spool.append(batch(3)) == 0
        assert (kept(spool), spool.rows) == ([1, 3], 2)
        assert reopened(folder, tmp_path / "killed-later") == [1, 3]


def test_while_it_cannot_be_cut_off_nothing_is_written_behind_it(tmp_path, disk):
    folder = tmp_path / "spool"
    with DiskSpool(folder) as spool:
        take(spool, 1)
        disk.failing, disk.in_part = {"write": errno.EIO, "ftruncate": errno.EIO}, True
        assert spool.append(batch(2)) == 1
        del disk.failing["write"]
        assert spool.append(batch(3)) == 1
        # The rows held cannot be forgotten, so that there is no place for others.
        with pytest.raises(OSError, match="Input/output"):
            spool.hold(4, {"temperature": 4})
        disk.failing.clear()
        assert take(spool, 5) == 0
        assert kept(spool) == [1, 5]
        assert reopened(folder, tmp_path / "killed") == [1, 5]


def test_a_disk_that_fails_costs_the_new_batches_and_none_of_those_that_it_has(tmp_path, disk, caplog):
    with many(tmp_path) as spool:
        disk.failing = {"fdatasync": errno.EIO}
        assert [spool.append(batch(1, 2)) for _ in range(3)] == [2, 2, 2]
        assert "took no batch of 2 readings" in caplog.text
        assert kept(spool) == list(range(100))


@pytest.mark.parametrize("full", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_costs_the_oldest(tmp_path, disk, full):
    with many(tmp_path) as spool:
        disk.failing, disk.is_full_until_a_file_goes = {"fdatasync": full}, True
        dropped = spool.append(batch(100))
        assert 1 < dropped < 20
        assert kept(spool) == list(range(dropped, 101))


def test_files_that_cannot_be_removed_cost_the_new_batch_alone(tmp_path, disk):
    with many(tmp_path) as spool:
        disk.failing = {"write": errno.ENOSPC, "unlink": errno.EROFS}
        assert spool.append(batch(1, 2)) == 2
        del disk.failing["write"]
        # Beyond its bound, now, and acknowledged.
        assert [spool.append(batch(value)) for value in range(100, 200)] == [0] * 100
        assert spool.release(150) == 149
        disk.failing.clear()
        spool.append(batch(200))
        assert kept(spool) == list(range(149, 201))


def test_numbers_of_batches_that_are_all_dropped_are_not_given_again(tmp_path, disk):
    folder = tmp_path / "spool"
    with DiskSpool(folder, max_bytes=16) as spool:
        for value in (1, 2, 3):
            spool.append(batch(value))
        last = spool.after(0).sequence
        disk.failing = {"fdatasync": errno.ENOSPC}
        assert spool.append(batch(4)) == 2
        disk.failing.clear()
    with DiskSpool(folder) as spool:
        assert spool.rows == 0
        spool.append(batch(5))
        assert spool.after(0).sequence > last


def test_after_a_batch_that_was_dropped_rows_that_were_held_are_sealed_once(tmp_path, disk):
    with DiskSpool(tmp_path) as spool:
        spool.append(batch(1))
        disk.failing = {"write": errno.EIO}
        assert spool.append(batch(2)) == 1
        disk.failing.clear()
        spool.hold(3, {"temperature": 3})
    held = (tmp_path / "filling").read_bytes()
    for _ in range(2):
        with DiskSpool(tmp_path) as spool:
            assert kept(spool) == [1, 3]
        # Killed after the batch was written, and before the rows were forgotten.
        (tmp_path / "filling").write_bytes(held)


def test_no_file_takes_the_place_of_another_whose_batches_were_dropped(tmp_path, disk):
    bound = 16 * 200
    with DiskSpool(tmp_path, max_bytes=bound) as spool:
        spool.append(batch(1))
        for value in (2, 3):
            disk.failing = {"fdatasync": errno.EIO}
            assert spool.append(batch(value)) == 1
            disk.failing.clear()
            # Notes alone fill a segment as well: the second batch has a new one, and a name that the first left out.
            for _ in range(5):
                spool.renew()
    with DiskSpool(tmp_path, max_bytes=bound) as spool:
        for value in range(4, 10):
            assert spool.append(batch(value)) == 0
    with DiskSpool(tmp_path, max_bytes=bound) as spool:
        assert kept(spool) == [1, *range(4, 10)]


def test_a_disk_that_does_not_take_what_was_held_leaves_it_for_the_next_attempt(tmp_path, disk):
    with DiskSpool(tmp_path) as spool:
        spool.hold(1, {"temperature": 1})
    disk.failing = {"fdatasync": errno.EIO}
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            DiskSpool(tmp_path)
    disk.failing.clear()
    with DiskSpool(tmp_path) as spool:
        assert kept(spool) == [1]


def test_what_was_gone_before_a_source_is_not_kept_for_it_though_the_disk_took_no_note(tmp_path, disk):
    with DiskSpool(tmp_path) as spool:
        spool.append(batch(1))
        disk.failing = {"write": errno.EIO}
        spool.release(1)
        disk.failing.clear()
        spool.renew()
    with DiskSpool(tmp_path) as spool:
        assert (spool.rows, kept(spool)) == (0, [])
