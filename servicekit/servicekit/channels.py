"""How one service calls another."""

import grpc

# Five hundred devices with long specs are more than gRPC's usual 4 MiB.
LARGEST_ANSWER = 16 * 1024 * 1024

OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_ANSWER),
    # gRPC's own pause between attempts grows to two minutes; a service that comes back is to be found soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A peer that vanished without a word is noticed, not waited for.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
]


def connect(target: str) -> grpc.aio.Channel:
    """A channel to a service at host:port, which need not be there yet. To be closed by whoever asked for it."""
    return grpc.aio.insecure_channel(target, OPTIONS)
