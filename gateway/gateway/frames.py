"""Events as text on the wire: encoded once, however many clients they go to."""

from typing import Any

from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from socketio.packet import DISCONNECT as SOCKET_DISCONNECT
from socketio.packet import EVENT
from socketio.packet import Packet as SocketPacket


def _encode(packet: SocketPacket) -> str:
    return str(EnginePacket(MESSAGE, packet.encode()).encode())


def frame(event: str, data: Any) -> str:
    """The websocket message that gives `event` to a Socket.IO client."""
    return _encode(SocketPacket(EVENT, data=[event, data]))


# Tells an official client that the server ended the session, so that it does not come back by itself.
DISCONNECT = _encode(SocketPacket(SOCKET_DISCONNECT))


def as_rest(message: Message) -> dict[str, Any]:
    """The JSON that REST gives for the same message: Envoy's transcoder is set to print just so."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
