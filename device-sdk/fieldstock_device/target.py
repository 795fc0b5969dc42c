"""The way from a URL to a channel."""

from urllib.parse import urlsplit

import grpc
from grpc import aio

_OPTIONS = (
    # gRPC waits up to two minutes between attempts to connect, and fails every call meanwhile. The client has a backoff
    # of its own, which must find the connection tried anew.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 10_000),
    # Channels to one address share a connection unless told otherwise, and with it the limit of streams that a server
    # allows on it: who opens several channels wants several connections.
    ("grpc.use_local_subchannel_pool", 1),
)


def open_channel(url: str, *, root_certificates: bytes | None = None) -> aio.Channel:
    """A channel to `http://host[:port]` (plain) or `https://host[:port]` (TLS).

    `root_certificates` (PEM) replaces the authorities that are trusted for TLS.
    Raises ValueError when the URL is not of that form.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"not a server's URL, which is http(s)://host[:port]: {url!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme == "http":
        return aio.insecure_channel(f"{host}:{parts.port or 80}", options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(root_certificates)
    return aio.secure_channel(f"{host}:{parts.port or 443}", credentials, options=_OPTIONS)
