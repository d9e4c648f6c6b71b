"""What became of one consumer's messages."""

import msgspec

__all__ = ["ConsumerStats", "worth_a_line"]


class ConsumerStats(msgspec.Struct, kw_only=True):
    """One consumer of one queue, since its start.

    Each delivery ends as exactly one of `handled`, `duplicates`, `retried`, `later`, `dead_lettered`, `parked` and
    `requeued`. `failed` counts failures of the handler, `timed_out` those that took too long, `expired` and
    `undecodable` what was never handed to it.
    """

    queue: str
    handler: str
    delivered: int = 0
    handled: int = 0
    duplicates: int = 0
    retried: int = 0
    later: int = 0
    dead_lettered: int = 0
    parked: int = 0
    requeued: int = 0
    failed: int = 0
    timed_out: int = 0
    expired: int = 0
    undecodable: int = 0
    unconfirmed: int = 0
    """Copies that the broker did not confirm; their originals were requeued."""
    late: int = 0
    """Settled after their connection was gone: the broker delivers them again."""
    inbox_failures: int = 0
    seconds: float = 0.0
    """Time spent in the handler, all messages together."""
    waiting: int = 0
    in_flight: int = 0
    stuck: int = 0
    """Handlers past their time that do not end."""
    consuming: bool = False
    """Whether messages can come now: there is a connection, and the queue is there and ours to read."""
    trouble: str | None = None
    """Why nothing is consumed, or why messages go back, in a sentence; None when all is well."""


def worth_a_line(count: int) -> bool:
    """The first time and each tenfold: what fails again and again must not fill the disk."""
    return str(count).rstrip("0") == "1"
