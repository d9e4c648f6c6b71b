"""Puts on disk what is not confirmed in time: one batch at a time, in order."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import final

from vss_router.ami.backoff import Backoff
from vss_router.broker.outbox.entry import Entry
from vss_router.broker.outbox.marks import Marks
from vss_router.broker.outbox.spool import Spool
from vss_router.errors import JournalError

__all__ = ["Journalling"]


@final
class Journalling:
    """Appends entries to `spool` when they are due, with all that came after them.

    `written(entries)` is called with what reached the disk, `failed(error)` when it could not.
    """

    def __init__(
        self,
        spool: Spool,
        marks: Marks,
        *,
        written: Callable[[list[Entry]], None],
        failed: Callable[[JournalError], None],
        backoff: Backoff,
    ) -> None:
        self._spool = spool
        self._marks = marks
        self._written = written
        self._failed = failed
        self._backoff = backoff
        self._fresh: deque[Entry] = deque()
        self._committing: list[Entry] = []
        self._wake = asyncio.Event()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._fresh) + len(self._committing)

    def add(self, entry: Entry) -> None:
        """A new entry; it is due at its time."""
        self._fresh.append(entry)
        self.bytes += entry.size
        if len(self._fresh) == 1:
            self._wake.set()

    def hurry(self) -> None:
        """What waits is due now."""
        if self._fresh:
            self._fresh[0].due = 0.0
            self._wake.set()

    def unlisted(self) -> list[Entry]:
        """What is not on disk yet and stands in no window, in order."""
        return [entry for entry in (*self._committing, *self._fresh) if not entry.listed and not entry.settled]

    async def run(self) -> None:
        """Write for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            self.drop_settled()
            if not self._fresh:
                await self._wake.wait()
            elif (wait := self._fresh[0].due - loop.time()) > 0:
                timer = loop.call_later(wait, self._wake.set)
                await self._wake.wait()
                timer.cancel()
            elif not await self.write():
                await asyncio.sleep(self._backoff.next())

    async def write(self) -> bool:
        """Write all that is not confirmed; False when the disk refused."""
        entries = [entry for entry in self._fresh if not entry.settled]
        self._fresh.clear()
        self._committing = entries
        self.bytes = sum(entry.size for entry in entries)
        if not entries:
            return True
        marks = self._marks.after(entries)
        try:
            await self._spool.append(entries, marks)
        except JournalError as error:
            self._again(entries)
            self._failed(error)
            return False
        except asyncio.CancelledError:
            self._again(entries)
            raise
        self._backoff.reset()
        self._committing = []
        self.bytes = sum(entry.size for entry in self._fresh)
        for entry in entries:
            entry.journalled = True
        self._marks.advance(entries)
        self._marks.written(marks)
        self._written(entries)
        return True

    def _again(self, entries: list[Entry]) -> None:
        self._fresh.extendleft(reversed(entries))
        self._committing = []

    def drop_settled(self) -> None:
        """What the broker has by now need not wait any more."""
        while self._fresh and self._fresh[0].settled:
            self.bytes -= self._fresh.popleft().size
