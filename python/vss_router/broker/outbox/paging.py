"""Brings back into memory what stands on disk alone, in order, whenever there is room.

```
            the window is full                         everything on disk is in the window
  direct ─────────────────────────▶ spooling ───────────────────────────────────────────────▶ direct
  (new: window and, when due, disk) (new: disk alone)   (new ones not yet on disk join the window)
```
"""

import asyncio
from collections.abc import Callable
from typing import Final, final

from vss_router.ami.backoff import Backoff
from vss_router.broker.outbox.entry import Entry
from vss_router.broker.outbox.journalling import Journalling
from vss_router.broker.outbox.spool import Spool
from vss_router.broker.outbox.window import Window
from vss_router.errors import JournalError

__all__ = ["Paging"]

_MOST_ROWS: Final = 1_000
_PAGE_BYTES: Final = 8 * 1024 * 1024
_NO_TELEMETRY_SECONDS: Final = 1.0
"""Where there was no telemetry to delete, none is looked for again for so long."""


@final
class Paging:
    """Fills `window` up to `messages` messages and `memory_bytes` bytes; `loaded` is called when something came.

    `evicted(count, bytes)` is told what was deleted to make room.
    """

    def __init__(
        self,
        spool: Spool,
        window: Window,
        journalling: Journalling,
        *,
        messages: int,
        memory_bytes: int,
        row_bytes: Callable[[], int],
        loaded: Callable[[], None],
        evicted: Callable[[int, int], None],
        failed: Callable[[JournalError], None],
        backoff: Backoff,
    ) -> None:
        self._spool = spool
        self._window = window
        self._journalling = journalling
        self._messages = messages
        self._memory_bytes = memory_bytes
        self._row_bytes = row_bytes
        self._loaded = loaded
        self._evicted = evicted
        self._failed = failed
        self._backoff = backoff
        self._wake = asyncio.Event()
        self._last_on_disk = 0
        self._evict_bytes = 0
        self._no_telemetry_until = 0.0
        self.spooling = False
        """Whether some messages stand on disk alone."""
        self.cursor = 0
        """The last position in memory; what is on disk alone lies behind it."""

    def add(self, entry: Entry) -> None:
        """A new entry goes into the window, or to the disk alone."""
        if not self.spooling:
            if self._window.messages < self._messages and self._window.bytes + entry.size <= self._memory_bytes:
                self._window.add(entry)
                return
            self.spooling = True
            self.cursor = entry.position - 1
        self._wake.set()

    def written(self, entries: list[Entry]) -> None:
        """These reached the disk."""
        for entry in reversed(entries):
            if not entry.listed:
                self._last_on_disk = max(self._last_on_disk, entry.position)
                self._wake.set()
                break

    def wake(self) -> None:
        """There may be room."""
        if self.spooling:
            self._wake.set()

    def evict(self, size: int) -> None:
        """Delete the oldest telemetry that stands on disk alone, until so many bytes are free."""
        if self.spooling and self._evict_bytes == 0 and asyncio.get_running_loop().time() >= self._no_telemetry_until:
            self._evict_bytes = size
            self._wake.set()

    async def run(self) -> None:
        """Load for ever."""
        while True:
            most = self._room()
            if self._evict_bytes:
                await self._drop_telemetry()
            elif self.spooling and most > 0:
                await self._load(most)
            else:
                self._wake.clear()
                await self._wake.wait()

    def _room(self) -> int:
        """Rows to load now; a few at a time are not worth a question."""
        room = self._messages - self._window.messages
        bytes_left = min(self._memory_bytes - self._window.bytes, _PAGE_BYTES)
        rows = min(room, _MOST_ROWS, bytes_left // max(1, self._row_bytes()))
        if self._window.messages == 0:
            return max(1, rows)
        return rows if room >= min(_MOST_ROWS, self._messages // 4) else 0

    async def _load(self, most: int) -> None:
        on_disk = self._last_on_disk
        try:
            entries = await self._spool.load(self.cursor, most)
        except JournalError as error:
            self._failed(error)
            await asyncio.sleep(self._backoff.next())
            return
        self._backoff.reset()
        for entry in entries:
            self._window.add(entry)
        if entries:
            self.cursor = entries[-1].position
        if len(entries) < most:
            self.cursor = max(self.cursor, on_disk)
            if self.cursor >= self._last_on_disk:
                self._caught_up()
        self._loaded()

    async def _drop_telemetry(self) -> None:
        # Here, between two loads, and not beside them: what is deleted must not be in the window already.
        try:
            count, size = await self._spool.drop_telemetry(self.cursor, self._evict_bytes)
        except JournalError as error:
            self._failed(error)
            count = size = 0
        self._evict_bytes = 0
        if count:
            self._evicted(count, size)
        else:
            self._no_telemetry_until = asyncio.get_running_loop().time() + _NO_TELEMETRY_SECONDS

    def _caught_up(self) -> None:
        for entry in self._journalling.unlisted():
            # What was read already is in the window, as another object, though its own commit is only now heard of.
            if entry.position > self.cursor:
                self._window.add(entry)
        self.spooling = False
