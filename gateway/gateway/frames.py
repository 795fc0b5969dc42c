"""Events as bytes on the wire: encoded once, the websocket's own header included, however many clients they go to."""

from typing import Any

from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from socketio.packet import DISCONNECT as SOCKET_DISCONNECT
from socketio.packet import EVENT
from socketio.packet import Packet as SocketPacket

# RFC 6455: the end of a message, which is text. What a server sends has no mask.
TEXT = b"\x81"
SHORT, MEDIUM = 125, 0xFFFF


def _encode(packet: SocketPacket) -> bytes:
    text = str(EnginePacket(MESSAGE, packet.encode()).encode()).encode()
    size = len(text)
    if size <= SHORT:
        head = bytes((size,))
    elif size <= MEDIUM:
        head = b"\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x7f" + size.to_bytes(8, "big")
    return TEXT + head + text


def frame(event: str, data: Any) -> bytes:
    """The websocket frame that gives `event` to a Socket.IO client."""
    return _encode(SocketPacket(EVENT, data=[event, data]))


# Tells an official client that the server ended the session, so that it does not come back by itself.
DISCONNECT = _encode(SocketPacket(SOCKET_DISCONNECT))


def as_rest(message: Message) -> dict[str, Any]:
    """The JSON that REST gives for the same message: Envoy's transcoder is set to print just so."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
