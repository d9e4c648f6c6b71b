"""What was handed out of a queue and is not settled."""

import itertools
from typing import TYPE_CHECKING

from vss_router.broker.embedded.entry import Entry
from vss_router.broker.message import Delivery, Settlement

if TYPE_CHECKING:
    from vss_router.broker.embedded.embedded_queue import EmbeddedQueue

__all__ = ["OutMessages"]


class OutMessages:
    """The unsettled entries of one consumer, or of those who `get`, by tag."""

    def __init__(self, home: "EmbeddedQueue") -> None:
        self._home: EmbeddedQueue | None = home
        self._entries: dict[int, Entry] = {}
        self._tags = itertools.count(1)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> int:
        """Take an entry out; the tag it is known by."""
        tag = next(self._tags)
        self._entries[tag] = entry
        return tag

    def entry(self, tag: int) -> Entry | None:
        """The entry of a tag, while it is out."""
        return self._entries.get(tag)

    def delivery(self, tag: int, entry: Entry, waiting: int | None = None) -> Delivery:
        """What the consumer gets."""
        message = entry.message
        return Delivery(
            queue="" if self._home is None else self._home.name,
            exchange=message.exchange,
            routing_key=message.routing_key,
            body=message.body,
            properties=message.properties,
            redelivered=entry.redelivered,
            settle=self.settle,
            tag=tag,
            waiting=waiting,
        )

    def settle(self, delivery: Delivery, how: Settlement) -> bool:
        """What a delivery's `ack` and `nack` come to; False when it came too late."""
        entry = self._entries.pop(delivery.tag, None)
        if entry is None or self._home is None:
            return False
        self._home.settled(entry, how)
        return True

    def give_back(self, tags: "list[int] | None" = None) -> None:
        """Requeue some, never seen by anybody, or all that are still out, which may have been seen."""
        if self._home is None:
            return
        seen = tags is None
        chosen = list(self._entries) if tags is None else tags
        entries = [entry for tag in chosen if (entry := self._entries.pop(tag, None)) is not None]
        for entry in entries:
            entry.redelivered = entry.redelivered or seen
        self._home.give_back(entries)

    def forget(self) -> None:
        """The queue is gone: whatever is settled from now on comes too late."""
        self._home = None
        self._entries.clear()
