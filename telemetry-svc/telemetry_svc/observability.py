"""What this service tells of itself, beyond what every service tells."""

from prometheus_client import Counter, Gauge, Histogram

COMMIT_SECONDS = Histogram(
    "fieldstock_ingest_commit_seconds",
    "From the arrival of a group's first batch to the acknowledgement of all of it by a majority's disks.",
    buckets=(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
GROUP_ROWS = Histogram(
    "fieldstock_ingest_group_rows", "Rows of a group.", buckets=(1, 10, 100, 1_000, 10_000, 25_000, 50_000, 100_000)
)
ROWS_ACCEPTED = Counter("fieldstock_ingest_rows_accepted", "Rows that were stored.")
ROWS_REJECTED = Counter("fieldstock_ingest_rows_rejected", "Rows that can never be stored.", ["reason"])
GROUPS_FAILED = Counter("fieldstock_ingest_groups_failed", "Groups that could not be stored.")
STREAMS_OPEN = Gauge("fieldstock_ingest_streams_open", "Streams of readings that are open.")
ROWS_WATCHED = Counter("fieldstock_watch_rows", "Rows that the rules have seen.")
ALERTS_OPENED = Counter("fieldstock_watch_alerts_opened", "Alerts that were opened.", ["severity"])
PARTITIONS_OWNED = Gauge("fieldstock_watch_partitions", "Partitions of the fleet, of 64, that this process watches.")
ROWS_FOLDED = Counter("fieldstock_fold_rows", "Rows that were folded from the journal into segments.")
SEGMENTS_WRITTEN = Counter("fieldstock_fold_segments", "Segments that were written, new ones and those that grew.")
FOLD_SECONDS = Histogram(
    "fieldstock_fold_seconds",
    "How long folding one partition took.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
CELLS_REPEATED = Counter("fieldstock_fold_cells_repeated", "Values that came again, and were dropped.")
CELLS_CONFLICTING = Counter("fieldstock_fold_cells_conflicting", "Those that came again as another value.")
JOURNAL_BYTES = Gauge("fieldstock_journal_bytes", "Size of what is stored and not yet folded.")
PRESENCE_UNTOLD = Gauge("fieldstock_watch_presence_untold", "Devices that came or went, and it is still to be told.")
