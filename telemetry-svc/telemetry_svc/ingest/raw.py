"""Entries of the journal as the bytes they are: whether one has anything of a device is seen without decoding it."""

from collections.abc import Collection, Iterator, Sequence

from telemetry_svc.columns.frame import DEVICE

# More of them than that are not looked for one by one.
FEW_DEVICES = 16
# How BSON has a column of devices: the type of a binary and its name, then four bytes of length and one of subtype.
_DEVICES, _BINARY_HEAD = b"\5device\0", 5


def documents_in(batch: bytes) -> Iterator[bytes]:
    """BSON documents one after the other: each begins with its length."""
    start = 0
    while start < len(batch):
        end = start + int.from_bytes(batch[start : start + 4], "little")
        yield batch[start:end]
        start = end


def sought(device_ids: Collection[int]) -> Sequence[bytes]:
    """What to look for: nothing that is not everywhere, where there are many."""
    if len(device_ids) > FEW_DEVICES:
        return [b""]
    return [device_id.to_bytes(DEVICE.itemsize, "little") for device_id in device_ids]


def has_any(document: bytes, wanted: Sequence[bytes]) -> bool:
    """Whether some of these bytes are in the columns of its devices. At times they are, and it has none of them."""
    at, seen = document.find(_DEVICES), 0
    while at >= 0:
        start = at + len(_DEVICES)
        first = start + _BINARY_HEAD
        end = min(first + int.from_bytes(document[start : start + 4], "little"), len(document))
        # Should a sender's values look like columns, of whatever length: nothing is looked at twice for that, ...
        unseen = max(first, seen - DEVICE.itemsize + 1)
        if any(document.find(one, unseen, end) >= 0 for one in wanted):
            return True
        seen = max(seen, end)
        # ... and what is behind them is found all the same.
        at = document.find(_DEVICES, start)
    return False
