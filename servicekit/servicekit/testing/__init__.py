"""For a service's tests: servers of its own, tokens that it takes, whoever calls it or listens to it, and time."""

from servicekit.testing.client import Client, Metadata, Refused, channel_to, metadata_of, refused
from servicekit.testing.clock import Clock, eventually
from servicekit.testing.heard import Heard
from servicekit.testing.issuer import Issuer
from servicekit.testing.process import command, log_line
from servicekit.testing.servers import (
    broker_user,
    close_connections,
    empty_database,
    fresh_database,
    fresh_vhost,
    publish,
    queues,
)

__all__ = [
    "Client",
    "Clock",
    "Heard",
    "Issuer",
    "Metadata",
    "Refused",
    "broker_user",
    "channel_to",
    "close_connections",
    "command",
    "empty_database",
    "eventually",
    "fresh_database",
    "fresh_vhost",
    "log_line",
    "metadata_of",
    "publish",
    "queues",
    "refused",
]
