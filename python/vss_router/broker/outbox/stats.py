"""What the outbox counts."""

import msgspec

__all__ = ["OutboxStats"]


class OutboxStats(msgspec.Struct, kw_only=True):
    """Counters since the start, then how it stands now.

    `accepted` is `confirmed + returned + refused + full_queue + telemetry_dropped` and what waits, once the
    messages that an earlier process left on disk (`inherited`) are added to it.
    """

    accepted: int = 0
    inherited: int = 0
    confirmed: int = 0
    journalled: int = 0
    """Written to disk because no confirm came in time."""
    republished: int = 0
    """Sent again after a connection was lost: each may arrive twice, with the same id."""
    nacked: int = 0
    """Not taken by a full queue."""
    full_queue: int = 0
    """Commands whose senders were told that the queue is full."""
    returned: int = 0
    """Mandatory ones that no queue took."""
    refused: int = 0
    """Those the broker will never take."""
    dropped: int = 0
    """Events not taken by the outbox because its bounds were reached."""
    telemetry_dropped: int = 0
    """Oldest telemetry, deleted from the disk to make room."""
    journal_failures: int = 0

    waiting_messages: int = 0
    """Not confirmed yet, in memory and on disk."""
    memory_messages: int = 0
    disk_messages: int = 0
    disk_bytes: int = 0
    under_way: int = 0
    """Sent, and not answered yet."""
    held_messages: int = 0
    """Behind a message that a full queue does not take."""
    dead_messages: int = 0
    """On disk, because the broker will never take them as things are."""
