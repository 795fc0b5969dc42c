"""What a process tells of itself: Prometheus metrics of every RPC, and the endpoint that serves them."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram, start_http_server

RPC_SECONDS = Histogram(
    "fieldstock_rpc_seconds",
    "Time from an RPC's arrival to its answer; for a stream, how long it was open.",
    ["method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RPC_TOTAL = Counter("fieldstock_rpcs", "RPCs by method and status.", ["method", "code"])
EVENTS_PUBLISHED = Counter("fieldstock_events_published", "Events that the broker confirmed.", ["key"])
EVENTS_HANDLED = Counter(
    "fieldstock_events_handled", "Events taken from a queue, by what became of them.", ["queue", "outcome"]
)


@contextmanager
def expose(listen: str) -> Iterator[None]:
    """Serves /metrics at host:port while the block runs; does nothing for an empty address."""
    if not listen:
        yield
        return
    host, _, port = listen.rpartition(":")
    server, thread = start_http_server(int(port), host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
