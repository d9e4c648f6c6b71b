"""Until when a message may be handled: what it says itself, and what its queue would have said had it stayed there."""

import datetime

from vss_router.broker.consumers.trail import Trail
from vss_router.broker.message import Delivery
from vss_router.broker.topology import Limits
from vss_router.events import Command, Event

__all__ = ["deadline_of", "iso", "kept_deadline"]


def deadline_of(message: Event | Command, trail: Trail) -> float | None:
    """The earlier of a command's `expires_at` and the trail's, Unix seconds; None for ever."""
    own = message.expires_at.timestamp() if isinstance(message, Command) and message.expires_at is not None else None
    ends = [end for end in (own, trail.expires_at) if end is not None]
    return min(ends, default=None)


def kept_deadline(
    delivery: Delivery, trail: Trail, message: Event | Command, limits: Limits | None, now: float
) -> float | None:
    """What the trail of a copy says: a queue's time to live starts anew at each return, so it is counted here.

    A message with a deadline of its own keeps it, whatever the queue says.
    """
    if trail.expires_at is not None or (isinstance(message, Command) and message.expires_at is not None):
        return trail.expires_at
    lives = [
        each
        for each in (delivery.properties.expiration_ms, None if limits is None else limits.ttl_ms)
        if each is not None
    ]
    return now + min(lives) / 1000 if lives else None


def iso(seconds: float) -> str:
    """Unix seconds as ISO 8601 in UTC with milliseconds."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s after 1970"  # a header may say anything
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
