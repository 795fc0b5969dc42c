"""What happened, as it travels: a protobuf with the attributes of CloudEvents as headers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from google.protobuf.message import DecodeError, Message


@dataclass(frozen=True, slots=True)
class Event:
    """`key` is the routing key and CloudEvents type, `body` the serialized protobuf.

    `user`: of the broker, who published it and told so; the broker lets nobody tell of another. Empty: not told.
    """

    key: str
    body: bytes
    id: str = field(default_factory=lambda: str(uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    user: str = ""

    @classmethod
    def of(cls, key: str, message: Message) -> Self:
        """A new event of a protobuf message."""
        return cls(key, message.SerializeToString())

    @classmethod
    def of_delivery(cls, delivery: AbstractIncomingMessage) -> Self:
        """As it came from a queue. A message without our headers is an event of its routing key, just now.

        Raises DecodeError for headers that are wrong.
        """
        told = delivery.headers.get("ce-time")
        try:
            time = datetime.fromisoformat(str(told)) if told else datetime.now(UTC)
        except ValueError as error:
            raise DecodeError(f"ce-time: {error}") from error
        return cls(
            key=str(delivery.headers.get("ce-type") or delivery.routing_key),
            body=delivery.body,
            id=str(delivery.headers.get("ce-id") or delivery.message_id or ""),
            time=time,
            user=delivery.user_id or "",
        )

    def to_message(self, source: str) -> aio_pika.Message:
        """As it goes to the broker, which is to keep it on disk. `source`: who tells of it."""
        headers: dict[str, Any] = {
            "ce-id": self.id,
            "ce-type": self.key,
            "ce-source": source,
            "ce-time": self.time.isoformat(),
            "ce-specversion": "1.0",
        }
        return aio_pika.Message(
            self.body,
            headers=headers,
            message_id=self.id,
            content_type="application/protobuf",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
