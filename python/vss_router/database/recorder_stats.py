"""What a recorder did since it started, for `/metrics`."""

import msgspec

__all__ = ["RecorderStats"]


class RecorderStats(msgspec.Struct, kw_only=True):
    """Counters since the start, and what stands now; times are seconds."""

    events: int = 0
    """Typed events taken."""
    rows: int = 0
    """Rows written, of all tables."""
    batches: int = 0
    """Transactions committed."""
    dropped: int = 0
    """Events and hung-up channels lost because the database fell too far behind."""
    failures: int = 0
    """Attempts to write that failed and were tried again."""
    refused: int = 0
    """Batches given up: the database answers, but does not take them."""
    unreadable: int = 0
    """Events and rows that could not be read."""
    repeated: int = 0
    """Events that were recorded before."""
    expired: int = 0
    """Rows removed because they were older than the retention."""
    waiting: int = 0
    """Events that wait now."""
    lag_seconds: float = 0.0
    """How long the oldest waiting event has waited."""
    batch_seconds: float = 0.0
    """How long the last transaction took."""
    trouble: str | None = None
    """Why the last attempt to write failed, one sentence; None when it did not."""
