"""What happened since the last write to the journal: put together, so that one transaction has all of it or none."""

import json
from collections.abc import Set as AbstractSet
from typing import Final

from vss_router.broker.embedded.entry import Entry
from vss_router.broker.journal import SqlValue, Write

__all__ = ["Changes"]

_ADD: Final = "INSERT OR IGNORE INTO entry (seq, queue, expires_at, record) VALUES (?, ?, ?, ?)"
_REMOVE: Final = "DELETE FROM entry WHERE seq IN (SELECT value FROM json_each(?))"


class Changes:
    """Entries that came and went, and definitions, in the order in which they must be written."""

    def __init__(self) -> None:
        self.added: list[Entry] = []
        self.rows: list[tuple[SqlValue, ...]] = []
        self.removed: list[int] = []
        self.definitions: list[Write] = []

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.definitions)

    def define(self, *writes: Write) -> None:
        """Statements about exchanges, queues, bindings."""
        self.definitions += writes

    def add(self, entry: Entry, queue: int, record: bytes) -> None:
        """A message came into a queue."""
        self.added.append(entry)
        self.rows.append((entry.seq, queue, entry.expires_at, record))

    def remove(self, seq: int) -> None:
        """A message left its queue."""
        self.removed.append(seq)

    def writes(self) -> list[Write]:
        """As statements. What came and went meanwhile is written and removed in one transaction."""
        writes = list(self.definitions)
        if self.rows:
            writes.append(Write(_ADD, self.rows))
        if self.removed:
            writes.append(Write(_REMOVE, ((json.dumps(self.removed),),)))
        return writes

    def take_back(self, messages: AbstractSet[int]) -> list[Entry]:
        """Give up the entries of these messages (by `id`), which could not be written; the rest stays to be written."""
        given_up = [entry for entry in self.added if id(entry.message) in messages]
        for entry in given_up:
            entry.gone = True
            entry.stored = False
        self._drop_unstored()
        return given_up

    def put_before(self, later: "Changes") -> None:
        """Stand before what happened later, to be written with it.

        Without the messages that have left meanwhile: the write that removes them may have overtaken this one.
        """
        self._drop_unstored()
        self.added += later.added
        self.rows += later.rows
        self.removed += later.removed
        self.definitions += later.definitions

    def _drop_unstored(self) -> None:
        kept = [place for place, entry in enumerate(self.added) if entry.stored]
        self.added = [self.added[place] for place in kept]
        self.rows = [self.rows[place] for place in kept]
