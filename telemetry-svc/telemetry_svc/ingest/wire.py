"""A ReadingBatch off the wire, its columns the bytes that they are.

Protobuf would make an object of each number, for numpy to make a number of it again: that was half of what a message
cost. A sender's messages are laid out alike, and only the numbers in them differ. So a layout is looked for once, and
the next message of its length is cut in one go where that one was. What is laid out in another way than encoders have
it, and whatever is not well-formed, is left to protobuf.
"""

import re
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

import numpy as np

from fieldstock.telemetry.v1 import reading_pb2
from telemetry_svc.columns.frame import TIME, VALUE, Ids

MAX_METRICS = 64
# Tags: the number of a field and how it is written, all of these as a length and so many bytes; but the sequence, and
# the time of sending, which is eight bytes.
_SEQUENCE, _DEVICE, _TIME, _SERIES, _METRIC, _VALUES, _SENT = 0x08, 0x12, 0x1A, 0x22, 0x0A, 0x12, 0x31
_SENT_BYTES = 8
# Bytes of a varint that is not at its end; so many in a row are no id that anybody has.
_GOES_ON = bytes(range(128, 256))
_TOO_LONG = re.compile(rb"[\x80-\xff]{5}")
# So many lengths are remembered; then they are found anew. And none whose metrics' names are longer than names are: for
# as long as this process lives it would be kept, whatever became of the batch.
_MOST_LAYOUTS = 1_000
_LONGEST_FRAME = 8 * 1024


class Batch(NamedTuple):
    """Readings of one message. `device`: `devices` ids as varints; `time_ms` and each of `values`: little-endian, eight
    bytes a row, in the order of `metrics`. Nothing says yet that the columns are equally long."""

    sequence: int
    source_id: str
    rows: int
    device: bytes
    devices: int
    time_ms: bytes
    metrics: tuple[str, ...]
    values: tuple[bytes, ...]
    sent_ms: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """Cuts what follows the sequence into what is the same in each message (`frame`) and columns, in turn. The time of
    sending is another column: the first where somebody puts the head of a batch before its columns, or the last."""

    cut: Struct
    frame: tuple[bytes, ...]
    sent_first: bool
    sent_last: bool
    names_devices: bool
    metrics: tuple[str, ...]


_layouts: dict[int, _Layout] = {}


def read(message: bytes) -> Batch:
    """Raises DecodeError."""
    sequence = bits = 0
    for byte in message[1:9]:
        sequence |= (byte & 127) << bits
        bits += 7
        if byte < 128:
            break
    else:
        return _by_protobuf(message)
    start = 1 + bits // 7
    layout = _layouts.get(len(message) - start)
    parts = layout.cut.unpack_from(message, start) if layout else None
    if message[0] != _SEQUENCE or not layout or not parts or parts[::2] != layout.frame:
        layout = _layout(message, start)
        if layout is None:
            return _by_protobuf(message)
        parts = layout.cut.unpack_from(message, start)
    columns, sent_ms = parts[1::2], 0
    if layout.sent_first:
        sent_ms, columns = int.from_bytes(columns[0], "little", signed=True), columns[1:]
    elif layout.sent_last:
        sent_ms, columns = int.from_bytes(columns[-1], "little", signed=True), columns[:-1]
    if not layout.names_devices:
        return Batch(sequence, "", len(columns[0]) // 8, b"", 0, columns[0], layout.metrics, columns[1:], sent_ms)
    device, time_ms = columns[0], columns[1]
    if device[-1] > 127 or (len(device) > 5 and _TOO_LONG.search(device)):
        return _by_protobuf(message)
    devices = len(device.translate(None, _GOES_ON))
    return Batch(sequence, "", len(time_ms) // 8, device, devices, time_ms, layout.metrics, columns[2:], sent_ms)


def batch_of(message: reading_pb2.ReadingBatch) -> Batch:
    """The same of a message that was read by protobuf."""
    # Not more of them than are looked at: a message has room for two million empty ones.
    series = message.series[: MAX_METRICS + 1]
    return Batch(
        message.sequence,
        message.source_id,
        len(message.time_ms),
        b"".join(map(varint, message.device_id)),
        len(message.device_id),
        np.array(message.time_ms, TIME).tobytes(),
        tuple(one.metric for one in series),
        tuple(np.array(one.values, VALUE).tobytes() for one in series),
        message.sent_ms,
    )


def varint(number: int) -> bytes:
    """As protobuf writes it: seven bits a byte, the lowest first, and a bit that says whether there are more."""
    left, written = number & (2**64 - 1), bytearray()
    while left > 127:
        written.append(left & 127 | 128)
        left >>= 7
    written.append(left)
    return bytes(written)


def ids_of(varints: bytes) -> Ids:
    """Ids, of which each is written whole."""
    raw = np.frombuffer(varints, np.uint8)
    ends = np.flatnonzero(raw < 128)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lengths = ends - starts
    bits = (raw & 127).astype(np.uint32)
    ids = bits[starts]
    # 32 bits are in five bytes; a negative number has ten, of which the others say nothing more.
    for byte in range(1, min(5, 1 + int(lengths.max(initial=0)))):
        longer = slice(None) if lengths.min() >= byte else lengths >= byte
        ids[longer] |= bits[starts[longer] + byte] << np.uint32(7 * byte)
    return ids.view(np.int32)


def _by_protobuf(message: bytes) -> Batch:
    return batch_of(reading_pb2.ReadingBatch.FromString(message))


def _layout(message: bytes, start: int) -> _Layout | None:
    """How a message is laid out behind its sequence, found and remembered; None: not as it is here."""
    try:
        metrics, columns = _columns(message, start)
    except (IndexError, UnicodeDecodeError, ValueError):
        return None
    ends = [start, *(end for _, end in columns)]
    frame = tuple(message[before:first] for before, (first, _) in zip(ends, columns, strict=False))
    lengths = (f"{len(same)}s{end - first}s" for same, (first, end) in zip(frame, columns, strict=True))
    sent_first = message[start] == _SENT
    names_devices = message[start + (1 + _SENT_BYTES) * sent_first] == _DEVICE
    sent_last = len(columns) > sent_first + names_devices + 1 + len(metrics)
    layout = _Layout(Struct("<" + "".join(lengths)), frame, sent_first, sent_last, names_devices, metrics)
    if sum(map(len, frame)) <= _LONGEST_FRAME:
        if len(_layouts) >= _MOST_LAYOUTS:
            _layouts.clear()
        _layouts[len(message) - start] = layout
    return layout


def _columns(message: bytes, at: int) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """The metrics, and from where to where the columns are. Raises when the message is laid out in another way."""
    columns: list[tuple[int, int]] = []
    metrics: list[str] = []
    if message[0] != _SEQUENCE:
        raise ValueError
    sent_first = message[at] == _SENT
    if sent_first:
        columns.append((at + 1, at + 1 + _SENT_BYTES))
        at = columns[-1][1]
    if message[at] == _DEVICE:
        columns.append(_field(message, at, _DEVICE))
        at = columns[-1][1]
    columns.append(_field(message, at, _TIME, width=8))
    at = columns[-1][1]
    while at < len(message) and message[at] == _SERIES and len(metrics) < MAX_METRICS:
        first, end = _field(message, at, _SERIES)
        name, at = _field(message, first, _METRIC)
        metrics.append(message[name:at].decode("ascii"))
        columns.append(_field(message, at, _VALUES, width=8))
        at = columns[-1][1]
        if at != end:
            raise ValueError
    if at == len(message) - 1 - _SENT_BYTES and message[at] == _SENT and not sent_first:
        columns.append((at + 1, len(message)))
    elif at != len(message):
        raise ValueError
    return tuple(metrics), columns


def _field(message: bytes, at: int, tag: int, width: int = 1) -> tuple[int, int]:
    """From where to where the content of the field is that begins here: at least one piece of so many bytes."""
    if message[at] != tag:
        raise ValueError
    length = bits = 0
    byte = 128
    while byte > 127 and bits < 28:
        at += 1
        byte = message[at]
        length |= (byte & 127) << bits
        bits += 7
    at += 1
    if byte > 127 or not length or length % width or at + length > len(message):
        raise ValueError
    return at, at + length
