"""How far the events of each PBX are safe: on disk or confirmed, without a hole."""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from vss_router.broker.outbox.entry import Entry

__all__ = ["Mark", "Marks"]


class Mark(msgspec.Struct, frozen=True):
    """Up to `seq` a PBX's events are safe; `as_of` is when that one was offered, Unix time in seconds."""

    seq: int
    as_of: float


class Marks:
    """One mark per PBX. A mark never stands behind an event that could still be lost."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._unsafe: dict[str, deque[Entry]] = {}
        self._unwritten: set[str] = set()

    def watch(self, entry: Entry) -> None:
        """A new event; those of one PBX come in their order."""
        if entry.source is not None:
            self._unsafe.setdefault(entry.source, deque()).append(entry)

    def advance(self, entries: Iterable[Entry]) -> None:
        """These became durable."""
        for source in {entry.source for entry in entries if entry.source is not None}:
            unsafe = self._unsafe.get(source)
            last: Entry | None = None
            while unsafe and unsafe[0].durable:
                last = unsafe.popleft()
            if last is not None:
                self._marks[source] = Mark(last.seq, last.offered_at)
                self._unwritten.add(source)

    def after(self, entries: Iterable[Entry]) -> dict[str, Mark]:
        """The marks as they will be once all of these are on disk, which are all that are not safe yet."""
        coming = {entry.source: Mark(entry.seq, entry.offered_at) for entry in entries if entry.source is not None}
        return {**self.unwritten(), **coming}

    def unwritten(self) -> dict[str, Mark]:
        """The marks that moved since `written`."""
        return {source: self._marks[source] for source in self._unwritten}

    def written(self, marks: Mapping[str, Mark]) -> None:
        """These stand on disk."""
        self._unwritten -= {source for source, mark in marks.items() if self._marks.get(source) == mark}
