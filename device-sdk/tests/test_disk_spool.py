"""The spool that outlives its process: what it has after it was closed, killed, torn, or filled to the brim."""

import resource
import shutil
import signal

import pytest

from fieldstock.telemetry.v1.reading_pb2 import ReadingBatch, Series
from fieldstock_device import DiskSpool, ForeignSpool, SpoolInUse
from fieldstock_device.segment import Record, Segment


def batch(*values: float) -> ReadingBatch:
    return ReadingBatch(time_ms=[1] * len(values), series=[Series(metric="temperature", values=values)])


def kept(spool: DiskSpool) -> dict[int, list[float]]:
    """Sequence → values."""
    found, last = {}, 0
    while (spooled := spool.after(last)) is not None:
        last = spooled.sequence
        found[last] = list(ReadingBatch.FromString(spooled.columns).series[0].values)
        assert spooled.rows == len(found[last])
    return found


def fill(folder, batches: int, *, rows: int = 1, **options) -> str:
    """Appends and closes. Returns the name of the source."""
    with DiskSpool(folder, **options) as spool:
        for number in range(batches):
            spool.append(batch(*[number] * rows))
        return spool.source_id


def test_opened_again_it_is_the_same_source_and_counts_on(tmp_path):
    source = fill(tmp_path, 3)
    with DiskSpool(tmp_path) as spool:
        assert (spool.source_id, spool.rows) == (source, 3)
        spool.append(batch(9))
        assert kept(spool) == {1: [0], 2: [1], 3: [2], 4: [9]}


def test_opened_again_it_knows_what_was_acknowledged(tmp_path):
    fill(tmp_path, 5, rows=2)
    with DiskSpool(tmp_path) as spool:
        assert spool.release(3) == 6
    with DiskSpool(tmp_path) as spool:
        assert (list(kept(spool)), spool.rows) == ([4, 5], 4)
        assert spool.release(5) == 4
    with DiskSpool(tmp_path) as spool:
        assert (spool.after(0), spool.rows) == (None, 0)
        spool.append(batch(9))
        assert list(kept(spool)) == [6]


def test_opened_again_after_it_was_renewed_it_numbers_from_one(tmp_path):
    before = fill(tmp_path, 4)
    with DiskSpool(tmp_path) as spool:
        spool.release(2)
        spool.renew()
        renewed = spool.source_id
    with DiskSpool(tmp_path) as spool:
        assert spool.source_id == renewed != before
        assert kept(spool) == {1: [2], 2: [3]}
        assert spool.release(1) == 1
        assert list(kept(spool)) == [2]


def test_rows_that_were_held_come_back_as_a_batch(tmp_path):
    with DiskSpool(tmp_path) as spool:
        spool.append(batch(1, 2))
        spool.hold(1_000, {"temperature": 3.0})
        spool.hold(2_000, {"cpu": 4.0})
        assert spool.rows == 2
    for _ in range(2):
        with DiskSpool(tmp_path) as spool:
            assert spool.rows == 4
            recovered = ReadingBatch.FromString(spool.after(1).columns)
            assert list(recovered.time_ms) == [1_000, 2_000]
            assert [series.metric for series in recovered.series] == ["temperature", "cpu"]
            assert spool.after(2) is None


def test_rows_that_were_held_and_appended_are_there_once(tmp_path):
    folder, killed = tmp_path / "spool", tmp_path / "killed"
    with DiskSpool(folder) as spool:
        spool.hold(1_000, {"temperature": 3.0})
        held = (folder / "filling").read_bytes()
        spool.append(batch(3))
    # Killed after the batch was written, and before the rows were forgotten.
    shutil.copytree(folder, killed)
    (killed / "filling").write_bytes(held)
    with DiskSpool(killed) as spool:
        assert (kept(spool), spool.rows) == ({1: [3]}, 1)


def test_a_record_that_is_torn_anywhere_is_cut_off_and_all_before_it_stay(tmp_path):
    whole = tmp_path / "whole"
    fill(whole, 3, rows=3)
    (segment,) = whole.glob("*.segment")
    two = tmp_path / "two"
    fill(two, 2, rows=3)
    shorter = next(two.glob("*.segment")).stat().st_size
    for size in range(shorter, segment.stat().st_size):
        torn = tmp_path / f"torn-{size}"
        shutil.copytree(whole, torn)
        with (torn / segment.name).open("r+b") as file:
            file.truncate(size)
        with DiskSpool(torn) as spool:
            assert (kept(spool), spool.rows) == ({1: [0] * 3, 2: [1] * 3}, 6)
            spool.append(batch(9))
        with DiskSpool(torn) as spool:
            assert kept(spool) == {1: [0] * 3, 2: [1] * 3, 3: [9]}


def test_a_byte_that_the_disk_changed_is_noticed(tmp_path):
    fill(tmp_path, 3)
    (segment,) = tmp_path.glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    with DiskSpool(tmp_path) as spool:
        assert kept(spool) == {1: [0], 2: [1]}


def test_what_a_broken_disk_lost_in_the_middle_does_not_hide_what_follows(tmp_path, caplog):
    fill(tmp_path, 40, rows=100, max_bytes=160_000)
    first, *_ = sorted(tmp_path.glob("*.segment"))
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    with DiskSpool(tmp_path, max_bytes=160_000) as spool:
        found = kept(spool)
        assert 1 in found
        assert 40 in found
        assert len(found) < 40
        assert "the disk lost" in caplog.text
        # And it can be sent and acknowledged past the hole.
        spool.release(40)
        assert (spool.rows, kept(spool)) == (0, {})


def test_a_full_spool_drops_the_oldest_counts_them_and_stays_within_its_bound(tmp_path):
    bound = 64 * 1024
    with DiskSpool(tmp_path, max_bytes=bound) as spool:
        dropped = sum(spool.append(batch(*[number] * 100)) for number in range(200))
        assert dropped > 0
        assert spool.rows == 200 * 100 - dropped
        on_disk = sum(path.stat().st_size for path in tmp_path.glob("*.segment"))
        assert bound * 0.8 < on_disk <= bound
        numbers = list(kept(spool))
        assert numbers == list(range(dropped // 100 + 1, 201))
    with DiskSpool(tmp_path, max_bytes=bound) as spool:
        assert (list(kept(spool)), spool.rows) == (numbers, 200 * 100 - dropped)


def test_nothing_is_dropped_while_it_is_not_full(tmp_path):
    with DiskSpool(tmp_path, max_bytes=64 * 1024) as spool:
        assert sum(spool.append(batch(*[1] * 100)) for _ in range(30)) == 0
        # What is acknowledged makes room.
        for sequence in range(31, 500):
            assert spool.append(batch(*[1] * 100)) == 0
            spool.release(sequence)
        assert sum(path.stat().st_size for path in tmp_path.glob("*.segment")) < 16 * 1024


def test_a_batch_larger_than_the_spool_is_kept_alone(tmp_path):
    with DiskSpool(tmp_path, max_bytes=100) as spool:
        assert spool.append(batch(*range(1000))) == 0
        assert spool.append(batch(1)) == 1000
        assert list(kept(spool)) == [2]


def test_two_processes_do_not_send_from_one_spool(tmp_path):
    with DiskSpool(tmp_path), pytest.raises(SpoolInUse):
        DiskSpool(tmp_path)
    DiskSpool(tmp_path).close()


def test_a_folder_is_the_device_s_that_used_it_first(tmp_path):
    # One of before has no note.
    fill(tmp_path, 1)
    for _ in range(2):
        with DiskSpool(tmp_path) as spool:
            spool.claim("SN-0007")
            spool.claim("sn-0007")
            with pytest.raises(ForeignSpool, match="keeps the readings of SN-0007, not of SN-0008"):
                spool.claim("SN-0008")


def test_records_that_a_newer_version_wrote_are_passed_over(tmp_path, caplog):
    fill(tmp_path, 2)
    for path in (*tmp_path.glob("*.segment"), tmp_path / "filling"):
        segment = Segment(path)
        segment.append(Record(9, 3, 0, b"what is to come"))
        segment.close()
    with DiskSpool(tmp_path) as spool:
        assert "of a newer version" in caplog.text
        spool.append(batch(2))
        assert (kept(spool), spool.rows) == ({1: [0], 2: [1], 3: [2]}, 3)


def test_a_disk_that_takes_no_more_costs_the_oldest_and_says_so(tmp_path):
    """By the system's own limit of a file's size, which a write meets as it would a full disk."""
    before, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    with DiskSpool(tmp_path) as spool:
        spool.append(batch(1))
        (segment,) = tmp_path.glob("*.segment")
        resource.setrlimit(resource.RLIMIT_FSIZE, (segment.stat().st_size + 50, limits[1]))
        try:
            assert spool.append(batch(*range(100))) == 100
            with pytest.raises(OSError, match=r"No space|too large"):
                spool.hold(1, {f"m{number}": 1.0 for number in range(64)})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, before)
        assert spool.append(batch(2)) == 0
        assert kept(spool) == {1: [1], 3: [2]}
    with DiskSpool(tmp_path) as spool:
        assert kept(spool) == {1: [1], 3: [2]}
