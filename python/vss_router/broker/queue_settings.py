"""What a settings file may change about a queue: `[broker_queues."vss.call.events"]`."""

from collections.abc import Mapping

import msgspec

from vss_router.broker.topology import DeadLetter, Queue
from vss_router.settings import QueueOverride

__all__ = ["QueueOverride", "with_override"]


def with_override(queue: Queue, overrides: Mapping[str, QueueOverride]) -> Queue:
    """`queue` with what the settings say about it; what they leave out stays as it is, 0 takes a limit away."""
    override = overrides.get(queue.name)
    if override is None:
        return queue
    limits = queue.limits
    if override.ttl_seconds is not None:
        limits = msgspec.structs.replace(limits, ttl_ms=round(override.ttl_seconds * 1000) or None)
    if override.max_length is not None:
        limits = msgspec.structs.replace(limits, max_length=override.max_length or None)
    if override.overflow is not None:
        limits = msgspec.structs.replace(limits, overflow=override.overflow)
    if override.dead_letter_exchange is not None:
        target = override.dead_letter_exchange
        limits = msgspec.structs.replace(
            limits, dead_letter=DeadLetter(target, override.dead_letter_key) if target else None
        )
    elif override.dead_letter_key is not None and limits.dead_letter is not None:
        target = limits.dead_letter.exchange
        limits = msgspec.structs.replace(limits, dead_letter=DeadLetter(target, override.dead_letter_key or None))
    return msgspec.structs.replace(queue, limits=limits, max_priority=override.max_priority or queue.max_priority)
